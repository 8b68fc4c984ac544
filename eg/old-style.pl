#!/usr/bin/perl

# A script as they were written for Net::LMTP 0.02: it runs as it always did, only faster.
#
#     perl -Mblib eg/old-style.pl HOST PORT SENDER RECIPIENT
#     perl -Mblib eg/old-style.pl
#
# Without arguments it delivers to a server of its own, on loopback.

use strict;
use warnings;

use Net::LMTP;

my $sink;
my ($host, $port, $sender, $recipient) = @ARGV == 4 ? @ARGV : own_server();

my $lmtp = Net::LMTP->new($host, $port, Hello => 'client.example.org', Timeout => 60);
die "Cannot connect to $host, port $port: $@\n" unless $lmtp;
print 'Connected to ', $lmtp->domain, "\n";

$lmtp->mail($sender)  or refused('sender');
$lmtp->to($recipient) or refused('recipient');
$lmtp->data           or refused('message');

$lmtp->datasend("From: $sender\n");
$lmtp->datasend("To: $recipient\n");
$lmtp->datasend("Subject: A test\n");
$lmtp->datasend("\n");
$lmtp->datasend("A simple test message.\n", ".dots that begin a line are doubled on the way\n");
$lmtp->dataend or refused('message');

print 'Delivered: ', $lmtp->message;
$lmtp->quit;

sub refused {
    my ($what) = @_;
    my $why = $lmtp->code . ' ' . $lmtp->message;
    $lmtp->quit;
    die "The server refused the $what: $why";
}

sub own_server {
    die "Usage: $0 [HOST PORT SENDER RECIPIENT]\n" if @ARGV;
    require Mail::Wire::Sink;
    $sink = Mail::Wire::Sink->new;
    return ($sink->host, $sink->port, 'sender@example.org', 'ann@example.org');
}
