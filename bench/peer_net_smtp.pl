#!/usr/bin/perl

# What Net::LMTP was made of so far: Net::SMTP and Net::Cmd, speaking LHLO.
#
#   peer_net_smtp.pl MODE PORT COUNT SIZE [nagle]

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Bench::Worker qw(FROM TO LINE content measure);
use Net::SMTP;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

{
    package Bench::OldLMTP;
    our @ISA = ('Net::SMTP');

    sub _EHLO { return shift->command('LHLO', @_)->response == Net::Cmd::CMD_OK() }
}

my ($mode, $port, $count, $size, $nagle) = @ARGV;
die "usage: $0 MODE PORT COUNT SIZE [nagle]\n" if !defined $size;

my $lmtp = Bench::OldLMTP->new('127.0.0.1', Port => $port, Hello => 'client', Timeout => 60)
    or die "connect: $@\n";
setsockopt $lmtp, IPPROTO_TCP, TCP_NODELAY, 1 or die "TCP_NODELAY: $!\n" if !$nagle;

my $piece = content($mode eq 'lmtp-lines' ? LINE : $size);
my $run   = $mode eq 'old-style' ? \&messages : \&one_message;
$run->($nagle || $mode ne 'old-style' ? 1 : 20);
measure($count, sub { $run->($count) });

sub open_message {
    $lmtp->mail(FROM) && $lmtp->to(TO) && $lmtp->data or die 'refused: ', $lmtp->message;
    return;
}

sub messages {
    for (1 .. $_[0]) {
        open_message();
        $lmtp->datasend($piece) && $lmtp->dataend or die 'refused: ', $lmtp->message;
    }
    return;
}

sub one_message {
    open_message();
    for (1 .. $_[0]) { $lmtp->datasend($piece) or die "lost\n" }
    $lmtp->dataend or die 'refused: ', $lmtp->message;
    return;
}
