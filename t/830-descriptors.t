# Programs without input, output or errors: the next descriptor that is opened is one of those, and whoever prints, warns or runs
# another program writes into it. No descriptor of ours is one of them, and none is left to other programs.

use strict;
use warnings;

use Config;
use POSIX ();
use Test::More;

use lib 't/lib';
use DeliveryTest;
use QMTPServer;
use ScriptedServer;

plan skip_all => 'descriptors are not handed on here' if !$Config{d_fork};

my $folder = folder();
my $file = written('message', "0123456789abcde\n" x 10_000);

# What all programs have. `noise` is what would be heard; the child says how many descriptors it was left.
my $prelude = <<'PROGRAM';
use strict;
use warnings;
use Mail::Wire;
use Mail::Wire::Sink;
use POSIX ();

our ($how, $closed, $report, $file, @urls) = @ARGV;
my @standard = (\*STDIN, \*STDOUT, \*STDERR);
open our $out, '>>&=', $report or POSIX::_exit(70);
binmode $out;
$how eq 'close' ? close $standard[$_] : POSIX::close($_) for grep { $how ne 'exec' } split /,/, $closed;
our $count = 'for (3 .. 63) { $! = 0; POSIX::lseek($_, 0, 1); $n++ if $! != POSIX::EBADF() } POSIX::_exit($n)';

sub noise {
    no warnings;
    local $| = 1;
    print STDOUT "printed\n";
    warn "warned\n";
    system '/bin/sh', '-c', 'echo child; echo child >&2; read line';
    return;
}

# What perl has to say of a handle that has the place of a closed one is not for ours.
$SIG{__WARN__} = sub { $_[0] =~ /reopened/ ? told('a warning', $_[0]) : warn @_ };

sub left_to_children {
    no warnings;
    return system($^X, '-MPOSIX', '-e', "print STDOUT 'child'; print STDERR 'child'; $count") >> 8;
}

sub told {
    my ($what, @results) = @_;
    syswrite $out, "$what: " . join(' ', map { ref $_ ? $_->status : defined $_ ? $_ : 'undef' } @results) . "\n";
    return;
}

sub all_ways {
    my ($client) = @_;
    my @order = (From => 's@x', To => [ 'a@x', 'b@x' ]);
    my $pieces = 0;
    told('a text', $client->deliver(@order, Data => "text\n"));
    told('a file', $client->deliver(@order, File => $file, Progress => \&noise));
    told('code', $client->deliver(@order, Data => sub { noise() if $pieces++ % 8 == 0; $pieces < 30 ? "0123456789abcde\n" x 4096 : undef }));
    open my $handle, '<:raw', $file or die $!;
    noise();
    told('a handle', $client->deliver(@order, Data => $handle));
    close $handle;
    for my $source ([ Data => "submitted\n" ], [ File => $file ]) {
        $client->submit(@order, @$source) or die;
        noise();
    }
    told('descriptors left to a child', left_to_children());
    told('submitted', map { $_->results } map { $client->collect } 1, 2);
    told('fileno is above 2', $client->fileno > 2 || 0);
    return;
}

# One after the other.
sub by_hand {
    my ($lmtp) = @_;
    told('mail', $lmtp->mail('s@x'));
    noise();
    told('to', $lmtp->to('a@x'));
    noise();
    told('data', $lmtp->data);
    $lmtp->datasend("by ");
    noise();
    told('descriptors left to a child', left_to_children());
    $lmtp->datasend("hand\n");
    noise();
    told('dataend', $lmtp->dataend);
    noise();
    return;
}
PROGRAM

my %program = (
    lmtp => <<'PROGRAM',
for my $url (@urls) {
    my $lmtp = Mail::Wire->connect($url, Hello => 'client.example') or die $@;
    noise();
    by_hand($lmtp);
    all_ways($lmtp);
    told('quit', $lmtp->quit);
}
PROGRAM
    qmtp => <<'PROGRAM',
for my $url (@urls) {
    my $qmtp = Mail::Wire->connect($url) or die $@;
    $qmtp->sender('s@x');
    $qmtp->recipient('a@x');
    $qmtp->message("sent\n");
    noise();
    told('send', %{ $qmtp->send });
    $qmtp->message_from_file($file);
    noise();
    told('send', %{ $qmtp->send });
    all_ways($qmtp);
    told('quit', $qmtp->quit);
    $qmtp = Mail::Wire->connect($url, Blocking => 0) or die $@;
    told('fileno while it connects is above 2', $qmtp->fileno > 2 || 0);
}
PROGRAM
);

$program{sink} = <<'PROGRAM';
for my $protocol ('lmtp', 'qmtp') {
    for my $place ([], [ path => "$file.$$.socket" ]) {
        my $sink = Mail::Wire::Sink->new(protocol => $protocol, @$place);
        noise();
        my $client = Mail::Wire->connect($sink->url, $protocol eq 'lmtp' ? (Hello => 'client.example') : ()) or die $@;
        noise();
        $sink->rules($protocol eq 'lmtp' ? (final => '450 later') : (rcpt => { '*' => 'Zlater' }));
        noise();
        told('results', $client->deliver(From => 's@x', To => [ 'a@x', 'b@x' ], Data => "text\n"));
        noise();
        told('descriptors left to a child', left_to_children());
        told('data', map { $_->{data} =~ /\Atext\r?\n\z/ ? 1 : $_->{data} } $sink->messages);
        $sink->stop;
    }
}
PROGRAM

written("$_.pl", $prelude . $program{$_}) for keys %program;

# What the program said, and how it ended. Its report is a descriptor far above those that it will have.
sub run {
    my ($name, $how, $closed, @urls) = @_;
    pipe my $in, my $out or die "pipe: $!";
    my $report = POSIX::dup2(fileno $out, 60) or die "dup2: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        open STDIN,  '<', '/dev/null' or POSIX::_exit(71);
        open STDOUT, '>', '/dev/null' or POSIX::_exit(71);
        open STDERR, '>', '/dev/null' or POSIX::_exit(71);
        POSIX::close($_) for grep { $_ != $report } $how eq 'exec' ? @$closed : (), 3 .. 63;
        alarm 60;
        exec $^X, (map {"-I$_"} @INC), "$folder/$name.pl", $how, join(',', @$closed), $report, $file, @urls or POSIX::_exit(72);
    }
    close $out;
    POSIX::close($report);
    my $told = do { local $/; <$in> };
    waitpid $pid, 0;
    return ($told, $?);
}

sub url { my ($protocol, $server) = @_; return defined $server->path ? "$protocol://" . $server->path : "$protocol://127.0.0.1:" . $server->port }

sub lmtp_server {
    my ($kind, @keywords) = @_;
    return ScriptedServer->new(listen => $kind, script => ScriptedServer::session(
        keywords => [ 'PIPELINING', @keywords ], final => [ '250 a', '450 b' ]));
}

sub qmtp_server {
    my ($kind) = @_;
    return QMTPServer->new({ listen => $kind }, sub {
        my ($peer) = @_;
        while (my $count = QMTPServer::take($peer)) { $peer->send(QMTPServer::netstring('Kok', ('Zlater') x ($count - 1))) }
    });
}

my %servers = (
    'lmtp by DATA' => sub { lmtp_server($_[0]) },
    'lmtp by BDAT' => sub { lmtp_server($_[0], 'CHUNKING') },
    'qmtp'         => \&qmtp_server,
    'sink'         => undef,
);

# How they are closed, and which. Of what a program was started without perl itself takes some, for files of modules.
my @closed = ([ 'not at all' ], [ 'exec', 0, 1, 2 ], map { my $how = $_; map { [ $how, @$_ ] } [0], [1], [2], [ 0, 1, 2 ] } 'close', 'POSIX::close');

for my $name (sort keys %servers) {
    my ($program) = split / /, $name;
    my ($expected, @sent);
    for (@closed) {
        my ($how, @numbers) = @$_;
        my @servers = $servers{$name} ? map { $servers{$name}->($_) } 'ipv4', 'unix' : ();
        my ($told, $status) = run($program, $how, \@numbers, map { url($program, $_) } @servers);
        my @got = map { $_->received(0) } @servers;
        s/BDAT \d+(?: LAST)?\r\n//g for @got;    # where it is cut is a matter of time
        if (!@numbers) {
            is($status, 0, "$name: a program with all three");
            unlike($told, qr/undef|child: [^0]|above 2: [^1]|mail: [^1]/, '... does what it should');
            ($expected, @sent) = ($told, @got);
            next;
        }
        is("$told$status", "${expected}0", "$name: without " . join(' and ', map { (qw(STDIN STDOUT STDERR))[$_] } @numbers) . " by $how");
        last if $status & 127;    # a child reads what is a link's, and all others would as well
        is_deeply([ map { length } @got ], [ map { length } @sent ], '... it sends as much') if @got;
        ok(!(grep { $got[$_] ne $sent[$_] } 0 .. $#sent), '... and nothing else') if @got;
    }
}
done_testing;
