#!/usr/bin/perl

# Many links at once in one process, driven by IO::Async.
#
#     perl -Mblib eg/io-async.pl HOST PORT
#     perl -Mblib eg/io-async.pl
#
# Delivers MESSAGES messages over each of LINKS links. HOST may be the path of a UNIX-domain socket; PORT is then any number. Without
# arguments it delivers to a server of its own, on loopback. Exits with 0 if every recipient was accepted.

use strict;
use warnings;

use Net::LMTP;

BEGIN {
    eval { require IO::Async::Loop; 1 } or die "$0 needs IO::Async from CPAN (Debian: libio-async-perl): $@";
}

my ($LINKS, $MESSAGES) = (50, 20);
my @TO = ('ann@example.org', 'ben@example.org');

my ($sink, %count);
my ($host, $port) = @ARGV == 2 ? @ARGV : own_server();
my $loop = IO::Async::Loop->new;
my $open = $LINKS;

for my $number (1 .. $LINKS) {
    my $lmtp = Net::LMTP->new($host, $port, Blocking => 0) or die "Cannot connect to $host: $@\n";
    drive({ lmtp => $lmtp, number => $number, left => $MESSAGES });
}
$loop->run if $open;

printf "%d links, %d recipients: %d accepted, %d not\n", $LINKS, $count{all}, $count{accepted}, $count{all} - $count{accepted};
exit($count{accepted} == $LINKS * $MESSAGES * @TO ? 0 : 1);

# Whenever something has happened on a link: goes on, takes what is finished, hands over more, and says what to wait for next.
sub drive {
    my ($link) = @_;
    my $lmtp = $link->{lmtp};
    unwatch($link);
    $lmtp->advance;
    do { collect($link) } while submit($link);
    return finish($link) if !$lmtp->in_flight;

    my $again = sub { drive($link) };
    $link->{watched} = $lmtp;
    $loop->watch_io(handle => $lmtp, on_read_ready  => $again) if $lmtp->wants_read;
    $loop->watch_io(handle => $lmtp, on_write_ready => $again) if $lmtp->wants_write;
    my $seconds = $lmtp->timeout_in;
    $link->{timer} = $loop->watch_time(after => $seconds, code => $again) if defined $seconds;
    return;
}

sub unwatch {
    my ($link) = @_;
    my $lmtp = delete $link->{watched};
    $loop->unwatch_io(handle => $lmtp, on_read_ready => 1, on_write_ready => 1) if $lmtp;
    my $timer = delete $link->{timer};
    $loop->unwatch_time($timer) if $timer;
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
    $loop->stop if !--$open;
    return;
}

sub own_server {
    die "Usage: $0 [HOST PORT]\n" if @ARGV;
    require Mail::Wire::Sink;
    $sink = Mail::Wire::Sink->new;
    return ($sink->host, $sink->port);
}
