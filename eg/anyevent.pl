#!/usr/bin/perl

# Many links at once in one process, driven by AnyEvent over EV.
#
#     perl -Mblib eg/anyevent.pl HOST PORT
#     perl -Mblib eg/anyevent.pl
#
# Delivers MESSAGES messages over each of LINKS links. HOST may be the path of a UNIX-domain socket; PORT is then any number. Without
# arguments it delivers to a server of its own, on loopback. Exits with 0 if every recipient was accepted.

use strict;
use warnings;

use Net::LMTP;

BEGIN {
    eval { require AnyEvent; require EV; 1 } or die "$0 needs AnyEvent and EV from CPAN (Debian: libanyevent-perl, libev-perl): $@";
    AnyEvent->import;
}

my ($LINKS, $MESSAGES) = (50, 20);
my @TO = ('ann@example.org', 'ben@example.org');

my ($sink, %count);
my ($host, $port) = @ARGV == 2 ? @ARGV : own_server();
my $done = AnyEvent->condvar;

$done->begin;    # a link may be done before the next one is made
for my $number (1 .. $LINKS) {
    my $lmtp = Net::LMTP->new($host, $port, Blocking => 0) or die "Cannot connect to $host: $@\n";
    $done->begin;
    drive({ lmtp => $lmtp, number => $number, left => $MESSAGES });
}
$done->end;
$done->recv;

printf "%d links, %d recipients: %d accepted, %d not\n", $LINKS, $count{all}, $count{accepted}, $count{all} - $count{accepted};
exit($count{accepted} == $LINKS * $MESSAGES * @TO ? 0 : 1);

# Whenever something has happened on a link: goes on, takes what is finished, hands over more, and says what to wait for next.
sub drive {
    my ($link) = @_;
    my $lmtp = $link->{lmtp};
    delete @$link{qw(reader writer timer)};
    $lmtp->advance;
    do { collect($link) } while submit($link);
    return finish($link) if !$lmtp->in_flight;

    my $again = sub { drive($link) };
    $link->{reader} = AnyEvent->io(fh => $lmtp, poll => 'r', cb => $again) if $lmtp->wants_read;
    $link->{writer} = AnyEvent->io(fh => $lmtp, poll => 'w', cb => $again) if $lmtp->wants_write;
    my $seconds = $lmtp->timeout_in;
    $link->{timer} = AnyEvent->timer(after => $seconds, cb => $again) if defined $seconds;
    return;
}

sub collect {
    my ($link) = @_;
    while (my $delivery = $link->{lmtp}->collect) {
        my @results = $delivery->results;
        $count{all}      += @results;
        $count{accepted} += grep { $_->is_success } @results;
    }
    return;
}

# True as long as the window has room and there are messages. Those of a link that was lost are finished at once, as deferrals.
sub submit {
    my ($link) = @_;
    return 0 if !$link->{left};
    my $text = "Subject: message $link->{left} of link $link->{number}\n\nHello.\n";
    $link->{lmtp}->submit(From => 'sender@example.org', To => \@TO, Data => $text) or return 0;
    $link->{left}--;
    return 1;
}

sub finish {
    my ($link) = @_;
    $link->{lmtp}->close;
    $done->end;
    return;
}

sub own_server {
    die "Usage: $0 [HOST PORT]\n" if @ARGV;
    require Mail::Wire::Sink;
    $sink = Mail::Wire::Sink->new;
    return ($sink->host, $sink->port);
}
