#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Judges mail by Mail::DMARC, with Mail::DKIM and Mail::SPF, for receiver.py. Standard input: a line "OCTETS IP HELO MAIL-FROM" (<> for none) and that many octets, again and
# again; standard output: a line "inbox|junk|refused REASON" for each.
use strict;
use warnings;

use Mail::DKIM::Verifier;
use Mail::DMARC::PurePerl;
use Mail::SPF;

my $spf_server = Mail::SPF::Server->new();

sub spf_results {
    my ($ip, $helo, $sender) = @_;
    my ($scope, $identity) = $sender eq '' ? ('helo', $helo) : ('mfrom', $sender);
    my $result = $spf_server->process(Mail::SPF::Request->new(scope => $scope, identity => $identity, ip_address => $ip, helo_identity => $helo));
    return { domain => $sender eq '' ? $helo : $sender =~ s/.*\@//r, scope => $scope, result => $result->code };
}

sub judge {
    my ($octets, $ip, $helo, $sender) = @_;
    my $dkim = Mail::DKIM::Verifier->new();
    $dkim->PRINT($octets);
    $dkim->CLOSE();

    my ($head) = split /\r\n\r\n/, $octets, 2;
    my @from = map { s/\r\n(?=[ \t])//gr } ("$head\r\n" =~ /^From[ \t]*:((?:.*\r\n)(?:[ \t].*\r\n)*)/img);
    return 'refused exactly one author is needed in From' if @from != 1;

    my $dmarc = Mail::DMARC::PurePerl->new();
    $dmarc->source_ip($ip);
    $dmarc->header_from_raw($from[0] =~ s/\s+$//r);
    $dmarc->dkim($dkim);
    $dmarc->spf(spf_results($ip, $helo, $sender));
    my $result = $dmarc->validate();
    my $disposition = $result->disposition;
    my $reason = join ' ', 'dmarc=' . $result->result, 'of', $dmarc->header_from // '?';
    return "refused $reason" if $disposition eq 'reject';
    return ($disposition eq 'quarantine' ? 'junk ' : 'inbox ') . $reason;
}

binmode STDIN;
$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my ($length, $ip, $helo, $sender) = split / /, $line;
    my $octets = '';
    while (length $octets < $length) {
        read(STDIN, $octets, $length - length $octets, length $octets) or die "the message is cut off\n";
    }
    my $verdict = eval { judge($octets, $ip, $helo, $sender eq '<>' ? '' : $sender) } // "refused fault: $@";
    $verdict =~ s/\s+/ /g;
    print "$verdict\n";
}
