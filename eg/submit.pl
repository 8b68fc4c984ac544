#!/usr/bin/perl

# Many messages over one link: submit hands them over without waiting, collect has what became of each, in order.
#
#     perl -Mblib eg/submit.pl HOST PORT SENDER RECIPIENT MBOX
#     perl -Mblib eg/submit.pl
#
# HOST may be the path of a UNIX-domain socket; PORT is then any number. MBOX is a file of messages, each behind a line
# that begins with "From ". Without arguments it delivers a list of its own to a server of its own, on loopback, which refuses two of them.
# When the link is lost it connects again and sends what surely did not arrive. Exits with 0 if all were accepted (its own list: all but these two).

use strict;
use warnings;

use Net::LMTP;

# So many results may wait before they are looked at.
my $BEHIND = 500;

# How often a message is sent again, and how many links in a row may be lost before one message was accepted.
my ($MAX_TRIES, $MAX_RECONNECTS) = (3, 3);

my $sink;
my $refused = 0;
my ($host, $port, $sender, $recipient, $mbox) = @ARGV == 5 ? @ARGV : own_server();
my $lmtp = connected();

# Messages that are submitted, by id, and those that a lost link has left and that surely did not arrive.
my (%message, @again, %count);
my ($number, $reconnects) = (0, 0);
open my $in, '<:raw', $mbox or die "$mbox: $!\n";
while (defined(my $message = next_message())) {
    $message{ $lmtp->submit(From => $sender, To => [$recipient], Data => \$message->{text}) } = $message;
    take($lmtp->collect) while $lmtp->in_flight > $BEHIND;
}
$lmtp->quit;

$count{$_} ||= 0 for qw(success deferral failure);
print "$count{success} accepted, $count{deferral} to be tried again, $count{failure} refused\n";
print "What may have been delivered: look whether it arrived, before you send it again\n" if $count{deferral};
exit($count{deferral} == 0 && $count{failure} == $refused ? 0 : 1);

sub connected { return Net::LMTP->new($host, $port) || die "Cannot connect to $host: $@\n" }

# What is left over goes before what is new. At the end the rest of the results is waited for, which may leave something over.
sub next_message {
    while (1) {
        reconnect() if !$lmtp->opened;
        return shift @again if @again;
        my $text = next_text($in);
        return { number => ++$number, text => $text, tries => 0 } if defined $text;
        my $delivery = $lmtp->collect or return;
        take($delivery);
    }
}

# A new link, for what is left: with all results of the old one. A server that closes each link at once is given up.
sub reconnect {
    while (my $delivery = $lmtp->collect) {
        take($delivery);
    }
    die "$host closes every link: message ", $number, " and those behind it were not sent\n" if ++$reconnects > $MAX_RECONNECTS;
    $lmtp = connected();
    return;
}

# Counts, and tells of those that did not arrive. What the loss of a link has left is sent again, if it surely was not delivered.
sub take {
    my ($delivery) = @_;
    my $message = delete $message{ $delivery->id };
    my ($result) = $delivery->results;
    if ($result->status eq 'deferral' && $result->code == 421 && !$result->maybe_delivered && $message->{tries}++ < $MAX_TRIES) {
        push @again, $message;
        return;
    }
    $reconnects = 0 if $result->is_success;
    $count{ $result->status }++;
    return if $result->is_success;
    my ($subject) = $message->{text} =~ /^Subject: (.*?)\r?$/m;
    printf "%d (%s): %s\n", $message->{number}, defined $subject ? $subject : 'no subject', $result->as_string;
    return;
}

# What is between two lines that begin with "From "; undef at the end. Such a line inside a message has a ">" in front.
sub next_text {
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
    my ($n) = @_;
    return "From sender\@example.org Thu Jan  1 00:00:00 2026\nSubject: message $n\n\nHello.\n>From here on it is short.\n\n";
}
