# listd/
