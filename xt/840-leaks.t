# Nothing that the classes make outlives them: no SV, no memory, no descriptor.

use strict;
use warnings;

use lib 'xt/lib', 't/lib', 'bench/lib';
use File::Temp ();
use IO::Socket::INET;
use RealServer;
use Test::More;
use Time::HiRes ();

RealServer->need('gcc', 'Test::LeakTrace');
require Test::LeakTrace;

use Bench::Build;
use Mail::Wire;
use Mail::Wire::Sink;
use Memory;
use Net::LMTP;
use Net::QMTP;

my $DELIVERIES = 100_000;
my $CONNECTS   = 10_000;
my $GROWTH     = 1024;      # kilobytes
my $RUNS       = 30;        # of each scenario

my @TO = qw(a@x no@x full@x b@x);
my %reply = (final => { 'full@x' => '452 4.2.2 Full' }, rcpt => { 'no@x' => '550 5.1.1 No' }, discard => 1);
my %sink = (
    lmtp    => Mail::Wire::Sink->new(%reply, binarymime => 1),
    plain   => Mail::Wire::Sink->new(%reply, chunking => 0, pipelining => 0),
    qmtp    => Mail::Wire::Sink->new(protocol => 'qmtp', discard => 1, final => { 'full@x' => 'ZFull', 'no@x' => 'DNo' }),
    lost    => Mail::Wire::Sink->new(%reply, close_at => { stage => 'final', after => 1 }),
    lost_q  => Mail::Wire::Sink->new(protocol => 'qmtp', discard => 1, close_at => { stage => 'final', after => 1 }),
    parting => Mail::Wire::Sink->new(%reply, data => '421 4.3.2 Going down', final => '421 4.3.2 Going down', chunking => 0),
    partings => Mail::Wire::Sink->new(discard => 1, mail => '421 4.3.2 First', rcpt => '421 4.3.2 Second', data => '421 4.3.2 Third'),
    slow    => Mail::Wire::Sink->new(%reply, chunking => 0, delay => { final => 0.3, noop => 0.3 }),
    slow_q  => Mail::Wire::Sink->new(protocol => 'qmtp', discard => 1, delay => { final => 0.3 }),
    odd     => Mail::Wire::Sink->new(%reply, garbage => { stage => 'final', line => 'what' }, chunking => 0),
    odd_q   => Mail::Wire::Sink->new(protocol => 'qmtp', discard => 1, misframe => -1),
    refuses => Mail::Wire::Sink->new(greeting => '554 No'),
);
my $free = do {
    my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!";
    $listener->sockport;
};
my $file = File::Temp->new;
print {$file} "a line of a file\n" x 3000;
$file->flush;

sub lmtp {
    my ($name, @options) = @_;
    return Net::LMTP->new($sink{$name}->host, $sink{$name}->port, Hello => 'me', @options);
}

sub qmtp {
    my ($name, @options) = @_;
    return Net::QMTP->new($sink{$name}->host, Port => $sink{$name}->port, @options);
}

sub envelope { return $_[0]->mail('s@x', @_[ 1 .. $#_ ]) && $_[0]->recipient(@TO, { SkipBad => 1 }) }

sub wanted { return (From => 's@x', To => \@TO) }

# What is to be told of results is asked, too.
sub read_all {
    my ($client) = @_;
    while (my $delivery = $client->collect) { $_->as_string, $_->TO_JSON, $_->enhanced for $delivery->results }
    return;
}

sub messages {
    my ($client) = @_;
    my @pieces = ("one\n", 'two');
    $client->submit(wanted(), Data => "text\n");
    $client->submit(wanted(), To => ['a@x'], Data => "x" x 100_000);
    $client->submit(wanted(), Data => \"by reference\n");
    $client->submit(wanted(), Data => [ "in\n", "lines\n" ]);
    $client->submit(wanted(), Data => sub { shift @pieces });
    $client->submit(wanted(), File => $file->filename, Deadline => 30);
    return read_all($client);
}

sub unblocked {
    my ($client) = @_;
    $client->submit(wanted(), Data => "text\n");
    eval { $client->deliver(wanted(), Data => "text\n") };
    while ($client->advance) {
        my $fd = $client->fileno;
        vec(my $readable = '', $fd, 1) = 1 if defined $fd;
        select $readable, undef, undef, 0.1;
    }
    return read_all($client);
}

sub dies_in_a_wait {
    my ($code) = @_;
    eval {
        local $SIG{ALRM} = sub { die { reason => 'alarm' } };
        Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), 0.05);
        $code->();
    };
    Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), 0);
    return;
}

{
    package Talkative;
    our @ISA = ('Net::LMTP');
    sub debug_print { die "in debug_print\n" }
}

sub dial_out { my ($port, $class, @rest) = @_; return $class->new('127.0.0.1', @rest, $port, Timeout => 5) }

my @scenarios = (
    [ 'new, and the end'     => sub { lmtp('lmtp') } ],
    [ 'QMTP: the same'       => sub { qmtp('qmtp') } ],
    [ 'new on an object'     => sub { my $lmtp = lmtp('lmtp'); $lmtp->new($sink{lmtp}->host, $sink{lmtp}->port) } ],
    [ 'by URL'               => sub { Mail::Wire->connect($sink{lmtp}->url); Mail::Wire->connect($sink{qmtp}->url) } ],
    [ 'a session by calls'   => sub {
        my $lmtp = lmtp('lmtp');
        envelope($lmtp) && $lmtp->data("Subject: x\n\n", "text\n");
        $_->as_string for $lmtp->results, $lmtp->data_results;
        $lmtp->response for 1 .. 2;
        my @lines = ($lmtp->message, $lmtp->supports('PIPELINING'), $lmtp->verify('x'), $lmtp->help);
        $lmtp->reset;
        $lmtp->quit;
    } ],
    [ 'BDAT by calls'        => sub {
        my $lmtp = lmtp('lmtp');
        envelope($lmtp, Bits => 'binary') && $lmtp->bdat("x\n") && $lmtp->bdatlast("y\n");
        $lmtp->quit;
    } ],
    [ 'datafh'               => sub {
        my $lmtp = lmtp('lmtp');
        envelope($lmtp);
        my $fh = $lmtp->datafh;
        print {$fh} "one\n", "two\n";
        printf {$fh} "%s\n", 'three';
        close $fh;
        envelope($lmtp);
        $fh = $lmtp->datafh;
        print {$fh} 'not ended';
    } ],
    [ 'raw commands and lines' => sub {
        my $lmtp = lmtp('lmtp');
        $lmtp->command('NOOP');
        $lmtp->ungetline($lmtp->getline);
        $lmtp->response;
        $lmtp->_MAIL("FROM:<a\nb>");
    } ],
    [ 'deliver'              => sub { my $lmtp = lmtp('lmtp'); $lmtp->deliver(wanted(), Data => "text\n") for 1 .. 3 } ],
    [ 'submit and collect'   => sub { messages(lmtp('lmtp')) } ],
    [ '... one at a time'    => sub { messages(lmtp('plain')) } ],
    [ 'not collected'        => sub { lmtp('lmtp')->submit(wanted(), Data => "text\n") for 1 .. 3 } ],
    [ 'not even sent'        => sub { my $lmtp = lmtp('lmtp'); $lmtp->submit(wanted(), Data => 'x' x 3e6); $lmtp->close; $lmtp->in_flight } ],
    [ 'Blocking => 0'        => sub { unblocked(lmtp('lmtp', Blocking => 0)) } ],
    [ 'QMTP: send'           => sub {
        my $qmtp = qmtp('qmtp');
        $qmtp->sender('s@x');
        $qmtp->recipient($_) for @TO;
        $qmtp->message("text\n");
        $qmtp->send;
        $_->as_string for $qmtp->results;
        $qmtp->new_message;
        $qmtp->message_from_file($file->filename);
        $qmtp->send;
        $qmtp->reconnect;
        $qmtp->send;
        $qmtp->disconnect;
    } ],
    [ 'QMTP: deliver'        => sub { my $qmtp = qmtp('qmtp'); $qmtp->deliver(wanted(), Data => "text\n") for 1 .. 3 } ],
    [ 'QMTP: submit and collect' => sub { messages(qmtp('qmtp')) } ],
    [ 'QMTP: not collected'  => sub { my $qmtp = qmtp('qmtp'); $qmtp->submit(wanted(), Data => 'x' x 100_000) for 1 .. 3 } ],
    [ 'QMTP: Blocking => 0'  => sub { unblocked(qmtp('qmtp', Blocking => 0)) } ],

    [ 'a refused connection' => sub { dial_out($free, 'Net::LMTP') } ],
    [ 'QMTP: the same'       => sub { dial_out($free, 'Net::QMTP', 'Port') } ],
    [ 'no such UNIX socket'  => sub { Net::LMTP->new("$file.none"); Net::QMTP->new("$file.none") } ],
    [ 'a refused greeting'   => sub { lmtp('refuses') } ],
    [ 'a lost link'          => sub { my $lmtp = lmtp('lost'); envelope($lmtp) && $lmtp->data("x\n"); $lmtp->_NOOP; $lmtp->message } ],
    [ '... of deliveries'    => sub { messages(lmtp('lost')) } ],
    [ '... of packages'      => sub { messages(qmtp('lost_q')) } ],
    [ '421'                  => sub { my $lmtp = lmtp('parting'); envelope($lmtp) && $lmtp->data("x\n"); $lmtp->_NOOP } ],
    [ '... of deliveries'    => sub { messages(lmtp('parting')) } ],
    [ '... said several times' => sub { messages(lmtp('partings')) } ],
    [ 'a line that is no reply' => sub { my $lmtp = lmtp('odd'); envelope($lmtp) && $lmtp->data("x\n"); $lmtp->getline } ],
    [ '... of deliveries'    => sub { messages(lmtp('odd')) } ],
    [ 'a misframed answer'   => sub { messages(qmtp('odd_q')) } ],
    [ 'a timeout'            => sub { my $lmtp = lmtp('slow'); $lmtp->timeout(0.05); envelope($lmtp) && $lmtp->data("x\n"); $lmtp->code } ],
    [ '... of deliveries'    => sub { my $lmtp = lmtp('slow'); $lmtp->timeout(0.05); $lmtp->deliver(wanted(), Data => "x\n") } ],
    [ '... of packages'      => sub { my $qmtp = qmtp('slow_q', Timeout => 0.05); $qmtp->deliver(wanted(), Data => "x\n") } ],
    [ 'wrong arguments'      => sub {
        my $lmtp = lmtp('lmtp');
        eval { $lmtp->deliver(From => 's@x') };
        eval { $lmtp->deliver(wanted(), Data => "\x{263a}") };
        eval { $lmtp->datasend("\x{263a}") };
        $lmtp->deliver(wanted(), To => ["a\n\@x"], Data => "x\n");
        my $qmtp = qmtp('qmtp');
        eval { $qmtp->deliver(wanted(), Data => "\x{263a}") };
        eval { $qmtp->deliver(wanted(), File => "$file.none") };
    } ],

    [ 'Data that dies'       => sub { my $lmtp = lmtp('lmtp'); eval { $lmtp->deliver(wanted(), Data => sub { die {} }) }; $lmtp->results } ],
    [ '... half-way'         => sub {
        my ($lmtp, $n) = (lmtp('lmtp'), 0);
        $lmtp->submit(wanted(), Data => "before\n");
        eval { $lmtp->deliver(wanted(), Data => sub { die {} if $n++ > 2; 'x' x 70_000 }) };
        read_all($lmtp);
    } ],
    [ 'Progress that dies'   => sub { my $lmtp = lmtp('lmtp'); eval { $lmtp->deliver(wanted(), Data => 'x', Progress => sub { die {} }) } } ],
    [ 'QMTP: both'           => sub {
        my $qmtp = qmtp('qmtp');
        eval { $qmtp->deliver(wanted(), Data => sub { die {} }) };
        eval { $qmtp->deliver(wanted(), Data => 'x', Progress => sub { die {} }) };
    } ],
    [ 'debug_print that dies' => sub { eval { Talkative->new($sink{lmtp}->host, $sink{lmtp}->port, Debug => 1) } } ],
    [ '... later'            => sub {
        my $lmtp = Talkative->new($sink{lmtp}->host, $sink{lmtp}->port);
        $lmtp->debug(1);
        eval { envelope($lmtp) };
    } ],
    [ 'a handler that dies in a wait' => sub { my $lmtp = lmtp('slow'); dies_in_a_wait(sub { $lmtp->_NOOP }) } ],
    [ '... for final replies' => sub { my $lmtp = lmtp('slow'); dies_in_a_wait(sub { envelope($lmtp) && $lmtp->data("x\n") }); $lmtp->results } ],
    [ '... of deliver'       => sub { my $lmtp = lmtp('slow'); dies_in_a_wait(sub { $lmtp->deliver(wanted(), Data => 'x') }); $lmtp->results } ],
    [ '... of collect'       => sub { my $lmtp = lmtp('slow'); dies_in_a_wait(sub { messages($lmtp) }) } ],
    [ '... of packages'      => sub { my $qmtp = qmtp('slow_q'); dies_in_a_wait(sub { $qmtp->deliver(wanted(), Data => 'x') }) } ],
);

for my $scenario (@scenarios) {
    my ($name, $code) = @$scenario;
    local $SIG{__WARN__} = sub { };
    my $descriptors = descriptors();
    # Some are kept by perl until a piece of code runs again: a leak is what grows with the runs.
    $code->();
    my ($few, $more) = map { my $times = $_; Test::LeakTrace::leaked_count(sub { $code->() for 1 .. $times }) } 1, 1 + $RUNS;
    cmp_ok($more - $few, '<', $RUNS / 2, "$name: no SV is left") or diag(map {"    $_\n"} leaks($code));
    is(descriptors(), $descriptors, '... no descriptor');;
}

sub leaks {
    my ($code) = @_;
    return map {"$_->[1] line $_->[2]"} Test::LeakTrace::leaked_info(sub { $code->() });
}

sub descriptors {
    opendir my $dir, '/proc/self/fd' or return 0;
    return scalar grep {/\A\d+\z/} readdir $dir;
}

# ---- many times over

my $work = File::Temp::tempdir('mail-wire-leaks-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $program = Bench::Build::programs('.', $work)->{sink};

# A sink in C: its port, and the handle that it lives as long as.
sub started {
    my @options = @_;
    pipe my $read, my $write or die "pipe: $!";
    defined(my $pid = open my $out, '-|') or die "fork: $!";
    if (!$pid) {
        close $write;
        open STDIN, '<&', $read or die "stdin: $!";
        exec $program, @options or die "$program: $!";
    }
    chomp(my $port = <$out>);
    return ($port, [ $out, $write ]);
}

# Runs it so many times, and compares the memory of a tenth of the way with that of its end.
sub steady {
    my ($name, $count, $code) = @_;
    my ($before, $start);
    my $descriptors = descriptors();
    for my $n (1 .. $count) {
        $code->();
        $start = Memory::resident() if $n == $count / 10;
    }
    my $end = Memory::resident();
    SKIP: {
        skip 'no way to tell', 1 if !defined $start;
        cmp_ok($end - $start, '<', $GROWTH, "$name, $count times: memory does not grow") or diag("$start to $end kB");
    }
    cmp_ok(descriptors(), '<=', $descriptors, '... no descriptor is left');
    return;
}

my %message = (From => 's@x', To => ['a@x'], Data => "text\n" x 100);
for my $case ([ 'LMTP' => [qw(--pipelining --chunking)], sub { Net::LMTP->new('127.0.0.1', $_[0], Hello => 'me') } ],
    [ 'QMTP' => ['--qmtp'], sub { Net::QMTP->new('127.0.0.1', Port => $_[0]) } ]) {
    my ($name, $options, $connect) = @$case;
    my ($port, $keeper) = started(@$options);
    my ($failed, $n) = (0, 0);
    my $client = $connect->($port) or die "$name: $@";
    steady("$name: deliver", $DELIVERIES / 2, sub { $failed += !($client->deliver(%message))[0]->is_success });
    steady("$name: submit", $DELIVERIES / 2, sub {
        $client->submit(%message);
        return if ++$n % 50;
        while (my $done = $client->collect) { $failed += !$done->is_success }
    });
    1 while $client->collect;
    undef $client;
    steady("$name: connects", $CONNECTS, sub { $failed += !$connect->($port) });
    is($failed, 0, "$name: none failed");
}

{
    my ($port, $keeper) = started('--pipelining');
    my $lmtp = Net::LMTP->new('127.0.0.1', $port, Hello => 'me') or die $@;
    my $failed = 0;
    steady('LMTP: sync calls', $DELIVERIES / 5, sub { $failed += !($lmtp->mail('s@x') && $lmtp->to('a@x') && $lmtp->data("text\n" x 100)) });
    is($failed, 0, 'LMTP: none failed');
}
done_testing;
