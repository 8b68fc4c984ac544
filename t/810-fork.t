# A fork with an open session: neither copy's end disturbs the other's link.

use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use lib 't/lib';
use DeliveryTest;
use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my $sink = Mail::Wire::Sink->new(protocol => 'lmtp');

sub lmtp { Net::LMTP->new('127.0.0.1', $sink->port, Hello => 'client.example', @_) or die $@ }

for my $end (
    [ 'closes its copy',    sub { $_[0]->close } ],
    [ 'lets its copy go',   sub { undef $_[0]; 1 } ],
    [ 'uses one of its own', sub { my $own = lmtp(); $own->mail('c@x') && $own->to('b@x') && $own->data("child\n") && $own->quit } ],
) {
    my ($what, $code) = @$end;
    my $lmtp = lmtp();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $lmtp->data;
    $lmtp->datasend("half a ");
    ok(in_child(_exit => sub { $code->($lmtp) }), "the child $what");
    ok($lmtp->datasend("message\n") && $lmtp->dataend, '... the parent ends its message');
    is(($sink->messages)[-1]{data}, "half a message\r\n", '... which is whole');
    ok($lmtp->quit, '... and quits');
}

# A handle that was given: close shuts the connection down, as the caller's handle holds it, too.
{
    my $socket = IO::Socket::INET->new(PeerAddr => $sink->host, PeerPort => $sink->port) or die "connect: $!";
    my $lmtp = lmtp(Socket => $socket);
    ok(in_child(_exit => sub { $lmtp->close }), 'the child closes its copy of a session over a given handle');
    ok($lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("over a given handle\n"), '... the parent goes on');
    $lmtp->close;
    is(sysread($socket, my $rest, 100), 0, '... and ends the connection');
}
{
    my $server = Mail::Wire::Sink->new(protocol => 'qmtp');
    my $socket = IO::Socket::INET->new(PeerAddr => $server->host, PeerPort => $server->port) or die "connect: $!";
    my $qmtp = Net::QMTP->new(Socket => $socket) or die $@;
    ok(in_child(_exit => sub { $qmtp->disconnect; 1 }), 'the same over QMTP');
    ok($qmtp->deliver(From => 'a@x', To => 'b@x', Data => "x\n")->is_success, '... the parent goes on');
}

{
    my $lmtp = lmtp();
    ok(in_child(_exit => sub { $lmtp->mail('d@x') && $lmtp->to('b@x') && $lmtp->data("by the child\n") }), 'a child may go on with the session');
    is(($sink->messages)[-1]{data}, "by the child\r\n", '... and delivers');
    ok($lmtp->_NOOP, '... and then the parent');
}

done_testing;
