#!/usr/bin/perl

# Many messages over one link: submit hands them over without waiting, collect has what became of each, in order.
#
#     perl -Mblib eg/submit.pl HOST PORT SENDER RECIPIENT MBOX
#     perl -Mblib eg/submit.pl
#
# HOST may be the path of a UNIX-domain socket; PORT is then any number. MBOX is a file of messages, each behind a line
# that begins with "From ". Without arguments it delivers a list of its own to a server of its own, on loopback, which refuses two of them.
# Exits with 0 if all were accepted (its own list: all but these two).

use strict;
use warnings;

use Net::LMTP;

# So many results may wait before they are looked at.
my $BEHIND = 500;

my $sink;
my $refused = 0;
my ($host, $port, $sender, $recipient, $mbox) = @ARGV == 5 ? @ARGV : own_server();
my $lmtp = Net::LMTP->new($host, $port) or die "Cannot connect to $host: $@\n";

my (%subject, %count);
open my $in, '<:raw', $mbox or die "$mbox: $!\n";
while (defined(my $message = next_message($in))) {
    my $id = $lmtp->submit(From => $sender, To => [$recipient], Data => \$message);
    ($subject{$id}) = $message =~ /^Subject: (.*?)\r?$/m;
    show($lmtp->collect) while $lmtp->in_flight > $BEHIND;
}
while (my $delivery = $lmtp->collect) {
    show($delivery);
}
$lmtp->quit;

$count{$_} ||= 0 for qw(success deferral failure);
print "$count{success} accepted, $count{deferral} to be tried again, $count{failure} refused\n";
exit($count{deferral} == 0 && $count{failure} == $refused ? 0 : 1);

# Counts, and tells of those that did not arrive.
sub show {
    my ($delivery) = @_;
    my $subject = delete $subject{ $delivery->id };
    for my $result ($delivery->results) {
        $count{ $result->status }++;
        printf "%d (%s): %s\n", $delivery->id, defined $subject ? $subject : 'no subject', $result->as_string
            if !$result->is_success;
    }
    return;
}

# What is between two lines that begin with "From "; undef at the end. Such a line inside a message has a ">" in front.
sub next_message {
    my ($fh) = @_;
    local $/ = "\nFrom ";
    my $text = <$fh>;
    return if !defined $text;
    $text =~ s/\n(?:\n?From |\n)\z/\n/;
    $text =~ s/\A[^\n]*\n//;
    $text =~ s/^>(>*From )/$1/mg;
    return $text;
}

sub own_server {
    die "Usage: $0 [HOST PORT SENDER RECIPIENT MBOX]\n" if @ARGV;
    require Mail::Wire::Sink;
    $refused = 2;
    $sink = Mail::Wire::Sink->new(final => sub {
        my ($address, $message) = @_;
        return $message->{data} =~ /^Subject: message 6[67]\r$/m ? '550 5.7.1 Not this one' : undef;
    });
    my $list = join '', map { own_message($_) } 1 .. 2000;
    return ($sink->host, $sink->port, 'sender@example.org', 'ann@example.org', \$list);
}

sub own_message {
    my ($number) = @_;
    return "From sender\@example.org Thu Jan  1 00:00:00 2026\nSubject: message $number\n\nHello.\n>From here on it is short.\n\n";
}
