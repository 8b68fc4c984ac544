# A fork with an open session: neither copy's end disturbs the other's link.

use strict;
use warnings;

use POSIX ();
use Test::More;

use Mail::Wire::Sink;
use Net::LMTP;

my $sink = Mail::Wire::Sink->new(protocol => 'lmtp');

sub lmtp { Net::LMTP->new('127.0.0.1', $sink->port, Hello => 'client.example') or die $@ }

# What the child says by its exit status.
sub in_child {
    my ($code) = @_;
    my $pid = fork;
    die "fork: $!" if not defined $pid;
    if (!$pid) {
        my $ok = eval { $code->() };
        POSIX::_exit($ok ? 0 : 1);
    }
    waitpid $pid, 0;
    return $? == 0;
}

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
    ok(in_child(sub { $code->($lmtp) }), "the child $what");
    ok($lmtp->datasend("message\n") && $lmtp->dataend, '... the parent ends its message');
    is(($sink->messages)[-1]{data}, "half a message\r\n", '... which is whole');
    ok($lmtp->quit, '... and quits');
}

{
    my $lmtp = lmtp();
    ok(in_child(sub { $lmtp->mail('d@x') && $lmtp->to('b@x') && $lmtp->data("by the child\n") }), 'a child may go on with the session');
    is(($sink->messages)[-1]{data}, "by the child\r\n", '... and delivers');
    ok($lmtp->_NOOP, '... and then the parent');
}

done_testing;
