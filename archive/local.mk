# archive/
