#!/usr/bin/perl

# A mailbox handed on over several links: what is deferred, or left by a link that was lost, is sent again, and each recipient has one result.
#
#     perl -Mblib eg/pool.pl URL SENDER RECIPIENT MAILBOX
#     perl -Mblib eg/pool.pl
#
# URL is as lmtp://HOST:PORT, lmtp:///PATH of a socket, or qmtp://HOST; MAILBOX whatever Mail::Wire::Mailbox reads. Without arguments it delivers
# messages of its own to a server of its own, on loopback, which defers one at first, and refuses another. Exits with 0 if all were accepted
# (its own: all but that one). `mailwire import` does the same, with a journal.

use strict;
use warnings;

use File::Temp;
use Mail::Wire::Mailbox;
use Mail::Wire::Pool;

my ($LINKS, $BEHIND) = (4, 500);

my ($sink, $own, $refused) = (undef, undef, 0);
my ($url, $sender, $recipient, $path) = @ARGV == 4 ? @ARGV : own_server();
my $pool = Mail::Wire::Pool->new($url, Links => $LINKS, Backoff => [ 0.1, 5, 30 ]);
my $mailbox = Mail::Wire::Mailbox->new($path);

my %count = map { $_ => 0 } qw(success deferral failure doubt);
while (my $message = $mailbox->next) {
    $pool->submit(From => $sender, To => $recipient, $message->content, Tag => $message->offset);
    take($pool->collect) while $pool->in_flight > $BEHIND;
}
while (my $delivery = $pool->collect) { take($delivery) }
my $stats = $pool->stats;
$pool->close;

print "$count{success} accepted, $count{deferral} to be tried again, $count{failure} refused, $count{doubt} in doubt\n";
print "$stats->{links_opened} links opened, $stats->{retried} messages sent again\n";
exit($count{deferral} + $count{doubt} == 0 && $count{failure} == $refused ? 0 : 1);

# Counts, and tells of those that did not arrive, or may not have: these were not sent again, as somebody might get them twice.
sub take {
    my ($delivery) = @_;
    foreach my $result ($delivery->results) {
        $count{ $result->maybe_delivered ? 'doubt' : $result->status }++;
        print "$path at ", $delivery->tag, ': ', $result->as_string, "\n" if not $result->is_success;
    }
    return;
}

sub own_server {
    die "Usage: $0 [URL SENDER RECIPIENT MAILBOX]\n" if @ARGV;
    require Mail::Wire::Sink;
    $refused = 1;
    my $deferred = 0;
    $sink = Mail::Wire::Sink->new(final => sub {
        my ($address, $message) = @_;
        return '550 5.7.1 Not this one' if $message->{data} =~ /^Subject: message 66\r$/m;
        return '451 4.3.0 Not now' if $message->{data} =~ /^Subject: message 77\r$/m and not $deferred++;
        return;
    });
    $own = File::Temp->new(SUFFIX => '.mbox');
    print {$own} "From sender\@example.org Thu Jan  1 00:00:00 2026\nSubject: message $_\n\nHello.\n\n" foreach 1 .. 1000;
    close $own or die "$own: $!\n";
    return ($sink->url, 'sender@example.org', 'ann@example.org', "$own");
}
