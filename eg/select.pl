#!/usr/bin/perl

# Many links at once in one process, driven by select: with modules of perl's own only.
#
#     perl -Mblib eg/select.pl HOST PORT
#     perl -Mblib eg/select.pl
#
# Delivers MESSAGES messages over each of LINKS links. HOST may be the path of a UNIX-domain socket; PORT is then any number. Without
# arguments it delivers to a server of its own, on loopback. Exits with 0 if every recipient was accepted. (eg/pool.pl has the same without a
# loop of its own, and sends again what was deferred.)

use strict;
use warnings;

use IO::Select;
use Net::LMTP;

my ($LINKS, $MESSAGES) = (50, 20);
my @TO = ('ann@example.org', 'ben@example.org');

my ($sink, %count);
my ($host, $port) = @ARGV == 2 ? @ARGV : own_server();
my @links = map { { lmtp => connected(), number => $_, left => $MESSAGES } } 1 .. $LINKS;
while (@links) {
    drive($_) foreach @links;
    $_->{lmtp}->close foreach grep { !$_->{lmtp}->in_flight } @links;
    @links = grep { $_->{lmtp}->in_flight } @links;
    wait_for(map { $_->{lmtp} } @links) if @links;
}

printf "%d links, %d recipients: %d accepted, %d not\n", $LINKS, $count{all}, $count{accepted}, $count{all} - $count{accepted};
exit($count{accepted} == $LINKS * $MESSAGES * @TO ? 0 : 1);

sub connected { return Net::LMTP->new($host, $port, Blocking => 0) || die "Cannot connect to $host: $@\n" }

# Until something can be done on a link. Each says what it waits for, and for how long at the most.
sub wait_for {
    my @lmtp = @_;
    my $read  = IO::Select->new(grep { $_->wants_read } @lmtp);
    my $write = IO::Select->new(grep { $_->wants_write } @lmtp);
    my ($seconds) = sort { $a <=> $b } grep {defined} map { $_->timeout_in } @lmtp;
    IO::Select->select($read, $write, undef, $seconds);
    return;
}

# Goes on, takes what is finished, hands over more.
sub drive {
    my ($link) = @_;
    $link->{lmtp}->advance;
    do { collect($link) } while submit($link);
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

sub own_server {
    die "Usage: $0 [HOST PORT]\n" if @ARGV;
    require Mail::Wire::Sink;
    $sink = Mail::Wire::Sink->new;
    return ($sink->host, $sink->port);
}
