# TLS and processes: forks, threads, a program's end, memory.

use strict;
use warnings;

use Config;
use Net::LMTP;
use Net::QMTP;
use POSIX ();
use Test::More;

use lib 't/lib';
use LMTPTest;
use Memory;
use ScriptedServer;
use TLSServer;
use TLSTest;

my %server = (lmtp => TLSServer->new, qmtp => TLSServer->new(protocol => 'qmtp'));
my @order = (From => 'a@x', To => ['b@x'], Data => "x\n");

my %where = map { $_ => [ $server{$_}->host, Port => $server{$_}->port ] } keys %server;

sub lmtp { return Net::LMTP->new(Host => @{ $where{lmtp} }, SSL => 1, trusting(), Hello => 'me') || die $@ }
sub qmtp { return Net::QMTP->new(@{ $where{qmtp} }, SSL => 1, trusting()) || die $@ }

# What the child says by its exit status.
sub in_child {
    my ($code, $exit) = @_;
    defined(my $pid = fork) or die "fork: $!";
    if (not $pid) {
        my $ok = eval { $code->() };
        $exit ? exit($ok ? 0 : 1) : POSIX::_exit($ok ? 0 : 1);
    }
    waitpid $pid, 0;
    return $? == 0;
}

sub delivers { return ($_[0]->deliver(@order))[0]->is_success }

# ---- forks

for my $class (qw(lmtp qmtp)) {
    for my $end (
        [ 'closes its copy',   sub { $_[0]->close } ],
        [ 'lets its copy go',  sub { undef $_[0]; 1 } ],
        [ 'has CORE::close close it', sub { close($class eq 'lmtp' ? $_[0] : $_[0]{net_qmtp}{link}) } ],
    ) {
        my ($what, $code) = @$end;
        my $client = $class eq 'lmtp' ? lmtp() : qmtp();
        ok(delivers($client), "$class over TLS");
        ok(in_child(sub { $code->($client) }), "... a child that $what");
        ok(delivers($client), '... does not disturb it');
        is($client->is_tls, 1, '... nor end TLS');
    }

    # The child goes on, as one that was made a daemon does; the process that made the connection goes without a word.
    pipe my $reader, my $writer or die "pipe: $!";
    binmode $_ for $reader, $writer;
    ok(in_child(sub {
        my $client = $class eq 'lmtp' ? lmtp() : qmtp();
        delivers($client) or return 0;
        my $parent = $$;
        defined(my $pid = fork) or return 0;
        return 1 if $pid;
        close $reader;
        select undef, undef, undef, 0.02 while getppid == $parent;
        syswrite $writer, delivers($client) ? 'delivered' : 'lost';
        POSIX::_exit(0);
    }, 1), "$class: the process that made the connection ends");
    close $writer;
    is(scalar(<$reader>), 'delivered', '... and its child goes on with it');
}

# ---- threads

SKIP: {
    skip 'this perl has no threads', 5 if not $Config{useithreads};
    require threads;
    my ($lmtp, $qmtp) = (lmtp(), qmtp());
    my $said = threads->create(sub {
        my $ok = eval { $lmtp->_NOOP; 1 };
        my $why = $ok ? 'let in' : $@;
        close $lmtp;
        return $why . (delivers(lmtp()) ? ' own' : '');
    })->join;
    like($said, qr/another thread.* own\z/s, "a thread's copy is of no use, its own works");
    ok(delivers($_), '... and the original goes on') for $lmtp, $qmtp;
    is($_->is_tls, 1, '... over TLS') for $lmtp, $qmtp;
}

# ---- a program's end

for my $end ('', '$l->submit(@order) for 1 .. 3;', '$l->mail("a"); $l->to("b"); $l->data; $l->datasend("half");', 'my $c = [$l]; push @$c, $c;',
    'END { $l->deliver(@order) }', '$l->close; $l->close;', 'close $l;', 'undef *$l;', 'untie *$l;', 'bless $l, "Other"; @Other::ISA = "Net::LMTP";') {
    my %option = trusting();
    my $program = sprintf 'use Net::LMTP; my @order = (From => "a", To => ["b"], Data => "x\n"); our $l = Net::LMTP->new(%s, SSL => 1, SSL_ca_file => %s) or die $@; %s',
        join(', ', map {"'$_'"} $server{lmtp}->host, $server{lmtp}->port), "'$option{SSL_ca_file}'", $end;
    my $said = do {
        open my $run, '-|', $^X, (map {"-I$_"} @INC), '-we', "BEGIN { open STDERR, '>&', *STDOUT } $program" or die "perl: $!";
        local $/;
        my $text = <$run>;
        close $run;
        $text . ($? ? " status $?" : '');
    };
    my $told = $end =~ /submit/ ? qr/\ANet::LMTP: \d submitted messages? \w+ unanswered/ : qr/\A\z/;
    like($said, $told, "a program that ends: $end");
}

# ---- memory

SKIP: {
    skip 'no telling how much memory there is', 2 if not defined Memory::resident();
    my $bad = ScriptedServer->new(script => [ tls => tls_of('expired') ]);
    my %try = (
        'handshakes that fail' => sub { Net::LMTP->new($bad->args, SSL => 1, trusting()) and die 'it went well' },
        'handshakes that go well' => sub { lmtp()->close },
    );
    for my $name (sort keys %try) {
        $try{$name}->() for 1 .. 20;
        my $before = Memory::resident();
        $try{$name}->() for 1 .. 40;
        my $grown = Memory::resident() - $before;
        cmp_ok($grown, '<', 1000, "40 $name: $grown KB more");
    }
}

done_testing;
