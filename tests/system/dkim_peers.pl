#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# dkim_peers.pl ZONE dkim|arc < names: prints "FILE RESULT" for each file, by Mail::DKIM. ZONE: lines "name<tab>TXT".
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Mail::DKIM::ARC::Verifier;
use Net::DNS;

my ($zone, $what) = @ARGV;
my %txt;
open(my $z, '<', $zone) or die "$zone: $!";
while (<$z>) { chomp; my ($name, $value) = split /\t/, $_, 2; $txt{lc $name} = $value; }
close($z);
{
	no warnings 'redefine';
	*Mail::DKIM::DNS::query = sub {
		my ($name) = @_;
		my $value = $txt{lc $name};
		return defined $value ? (Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => [ $value =~ /(.{1,255})/gs ])) : ();
	};
}
while (my $file = <STDIN>) {
	chomp $file;
	my $v = $what eq 'arc' ? Mail::DKIM::ARC::Verifier->new(Strict => 1) : Mail::DKIM::Verifier->new();
	open(my $f, '<:raw', $file) or die "$file: $!";
	local $/;
	my $text = <$f>;
	close($f);
	$text =~ s/\r?\n/\r\n/g;
	$v->PRINT($text);
	$v->CLOSE;
	my @results = $what eq 'arc' ? ($v->result) : map { $_->result } grep { $_->algorithm eq 'rsa-sha256' } $v->signatures;
	print "$file ", join(',', @results), "\n";
}
