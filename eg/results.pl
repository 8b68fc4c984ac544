#!/usr/bin/perl

# One message to several recipients, and what the server says of each.
#
#     perl -Mblib eg/results.pl HOST PORT SENDER RECIPIENT... < MESSAGE
#     perl -Mblib eg/results.pl
#
# HOST may be the path of a UNIX-domain socket; PORT is then any number. Without arguments it delivers to a server of
# its own, on loopback, that refuses one recipient at once and another one at the end.

use strict;
use warnings;

use Net::LMTP;

my $sink;
my ($host, $port, $sender, @recipients) = @ARGV > 3 ? @ARGV : own_server();
my $lmtp = Net::LMTP->new($host, $port, Timeout => 60) or die "Cannot connect to $host: $@\n";

$lmtp->mail($sender);
my @accepted = $lmtp->recipient(@recipients, { SkipBad => 1 });
printf "%d of %d recipients accepted.\n", scalar @accepted, scalar @recipients;

my $delivered = $lmtp->data(message());
print $delivered ? "Delivered to all of these.\n" : 'Not to all of these: ' . $lmtp->code . ' ' . $lmtp->message;

print "\nAnswers to the message itself (data_results):\n";
show($_) for $lmtp->data_results;

print "\nAll recipients (results):\n";
show($_) for $lmtp->results;

my @again = map { $_->recipient } grep { $_->is_deferral } $lmtp->results;
print "\nTo be tried again later: @again\n" if @again;
$lmtp->quit;

sub show {
    my ($result) = @_;
    my $enhanced = $result->enhanced;
    printf "  %-20s %-8s at %-5s  %s %s%s\n", $result->recipient, $result->status, $result->stage, $result->code,
        defined $enhanced ? "($enhanced)" : '', $result->maybe_delivered ? ' - may have been delivered' : '';
    return;
}

sub message {
    return "Subject: To all of you\n\nHello.\n" if $sink;
    local $/;
    return scalar <STDIN>;
}

sub own_server {
    die "Usage: $0 [HOST PORT SENDER RECIPIENT... < MESSAGE]\n" if @ARGV;
    require Mail::Wire::Sink;
    $sink = Mail::Wire::Sink->new(
        rcpt  => { 'nobody@example.org' => '550 5.1.1 No such user' },
        final => { 'full@example.org'   => '452 4.2.2 Mailbox full' },
    );
    return ($sink->host, $sink->port, 'sender@example.org', map {"$_\@example.org"} qw(ann nobody full ben));
}
