# ithreads started with live objects: a thread's copies are of no use, its own objects work, and the originals go on.

use strict;
use warnings;

use Config;
use Test::More;

BEGIN { plan skip_all => 'this perl has no threads' if not $Config{useithreads} }

use Socket ();
use threads;

use lib 't/lib';

use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);
my %port = map { $_ => $sink{$_}->port } keys %sink;

sub lmtp { Net::LMTP->new('127.0.0.1', $port{lmtp}, Hello => 'client.example') or die $@ }

sub deliver_by {
    my ($lmtp) = @_;
    return $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("x\n");
}

my $lmtp = lmtp();
my $qmtp = Net::QMTP->new('127.0.0.1', Port => $port{qmtp}) or die $@;
my $blessed_elsewhere = bless \*STDIN, 'Net::LMTP';
is($blessed_elsewhere->code, 421, 'an object that was blessed elsewhere');
$lmtp->mail('a@x');

my ($refused, $own) = @{ threads->create(sub {
    my @calls = qw(code results data_results is_connected last_error advance close quit);
    my @refused = grep { !eval { $lmtp->$_; 1 } && $@ =~ /\AThis Net::LMTP object belongs to another thread at \Q$0\E line / } @calls;
    return [ @refused == @calls ? 1 : "@refused", deliver_by(lmtp()) ? 1 : 0 ];
})->join };
is($refused, 1, "a thread's copy says that it is of no use, and where it was used");
ok($own, "... its own object works");
ok($lmtp->to('b@x') && $lmtp->data("y\n"), 'the original goes on where it was');
ok(deliver_by($lmtp), '... and on');

# What is inherited from handles and sockets would act on the descriptor, which is the original's. With arguments where they are needed.
{
    my $octets = '';
    my %call = (
        read => [ $octets, 1 ], sysread => [ $octets, 1 ], setsockopt => [ Socket::SOL_SOCKET(), Socket::SO_KEEPALIVE(), 1 ], sockopt => [ Socket::SO_KEEPALIVE() ],
        getsockopt => [ Socket::SOL_SOCKET(), Socket::SO_KEEPALIVE() ], blocking => [0], shutdown => [2], ungetline => ["x\n"], send => ["a\@x"], recv => [ $octets, 1 ], ungetc => [65],
        fcntl => [ 1, 0 ], ioctl => [ 0, 0 ], truncate => [0], printf => [ '%s', "NOOP\r\n" ], (map { $_ => ["NOOP\r\n"] } qw(print say syswrite write printflush)),
        command => ['NOOP'], datasend => ["x\n"], rawdatasend => ["NOOP\r\n"], mail => ['a@x'], to => ['b@x'], hello => ['x'], bdat => ['x'], auth => [ 'a', 'b' ],
        map { $_ => [] } qw(fileno opened connected peername sockname peerhost peerport sockhost sockport atmark getc getlines getline eof error clearerr sync stat flush
            response dataend data quit reset disconnect finish collect advance transcript),
    );
    delete @call{ grep { !Net::LMTP->can($_) } keys %call };
    my $calls = sub {
        my $object = shift;
        return join ' ', grep { eval { $object->$_(@{ $call{$_} }); 1 } || $@ !~ /\AThis Net::LMTP object belongs to another thread at \Q$0\E line / } sort keys %call;
    };
    my $other = lmtp();
    my $subclass = bless lmtp(), 'Subclass';
    @Subclass::ISA = ('Net::LMTP');
    is(threads->create($calls, $_)->join, '', 'each method of a copy croaks: ' . ref) for $other, $subclass;
    ok(deliver_by($_), '... and the original goes on: ' . ref) for $other, $subclass;
}

$qmtp->sender('a@x');
$qmtp->recipient('b@x');
$qmtp->message("z\n");
like($qmtp->send->{'b@x'}, qr/^success/, 'so does a QMTP session');
is(scalar(my @got = $sink{lmtp}->messages), 5, 'each message came once');

{
    my $said = threads->create(sub {
        my @order = (From => 'a@x', To => ['b@x'], Data => "x\n");
        my %call = (send => [], deliver => \@order, submit => \@order,
            map { $_ => [] } qw(collect in_flight finish flush fileno is_connected disconnect reconnect));
        return join '; ', map { eval { $qmtp->$_(@{ $call{$_} }); 1 } ? "$_ returns" : $@ } sort keys %call;
    })->join;
    is(scalar(() = $said =~ /belongs to another thread at \Q$0\E line /g), 11, "a thread's copy of a QMTP client says so as well") or diag($said);
    like($qmtp->send->{'b@x'}, qr/^success/, '... and the original goes on');
}

# Results that cross threads.
{
    require threads::shared;
    my $client = Net::QMTP->new('127.0.0.1', Port => $port{qmtp}) or die $@;
    $client->submit(From => 'a@x', To => ['b@x'], Data => "x\n");
    my $shared = threads::shared::shared_clone($client->collect);
    ok($shared->is_success, 'a delivery that is shared between threads is the success that it was');
    is(threads->create(sub { $shared->is_success ? $shared->results->[0]->stage : '' })->join, 'final', '... in another as well');
}

# Weak references to what belongs to one thread, as event loops have them: perl panics where the thread's end finds nothing behind one.
{
    require Mail::Wire::Pool;
    require Scalar::Util;
    require ScriptedServer;
    my $pool = Mail::Wire::Pool->new("lmtp://127.0.0.1:$port{lmtp}", Links => 1);
    my %made = (pool => $pool, sink => $sink{lmtp}, process => $sink{lmtp}{process}, server => ScriptedServer->new(script => []));
    for my $what (sort keys %made) {
        Scalar::Util::weaken(my $weak = $made{$what});
        my $said = threads->create(sub { eval { undef $weak; 1 } ? 'gone' : $@ })->join;
        is($said, 'gone', "a thread lets go a weak reference to a $what");
    }
    my @refused = @{ threads->create(sub {
        my %call = (submit => [ From => 'a@x', To => 'b@x', Data => "x\n" ], map { $_ => [] } qw(collect finish close advance));
        return [ grep { eval { $pool->$_(@{ $call{$_} }); 1 } || $@ !~ /\AThis Mail::Wire::Pool object belongs to another thread at \Q$0\E line / } sort keys %call ];
    })->join };
    is("@refused", '', "a thread's copy of a pool says that it is of no use");
    like(threads->create(sub { eval { $sink{lmtp}->messages; 1 } ? 'let in' : $@ })->join, qr/only the process that made a sink/,
        '... and that of a sink');
    $pool->submit(From => 'a@x', To => 'b@x', Data => "x\n");
    ok($pool->collect->is_success, '... and the originals go on');
}

# Other packages' CLONE may come before ours, and use our classes.
{
    package AnotherClone;
    my ($results, $on);
    sub CLONE {
        $results = [ Net::QMTP->new('127.0.0.1', Port => $port{qmtp})->deliver(From => 'a@x', To => ['b@x'], Data => "x\n") ] if $on;
        return;
    }
    for my $n (1 .. 20) {
        no strict 'refs';
        *{"Mail::Wire::Clone${n}::CLONE"} = \&CLONE;
    }
    $on = 1;
    main::is(join(' ', map { threads->create(sub { $results->[0]->as_string })->join } 1 .. 3), join(' ', ('<b@x>: success (final) 250 ok') x 3),
        'deliveries within CLONE');
    $on = 0;
}

done_testing;
