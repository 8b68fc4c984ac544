# Files that Net::QMTP streams: in flat memory, and never a message that is not what the file was.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use lib 't/lib';
use DeliveryTest;
use Mail::Wire::Sink;
use Memory;
use Net::QMTP;
use QMTPServer;

my $folder = File::Temp->newdir;
my $line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";

sub file {
    my ($name, $size) = @_;
    my $path = "$folder/$name";
    open my $fh, '>:raw', $path or die "$path: $!";
    print {$fh} $line x (1 + $size / length $line) or die "$path: $!";
    close $fh or die "$path: $!";
    truncate $path, $size or die "$path: $!";
    return $path;
}

# Reads a little of the first package, waits, then takes all; and so on each link.
sub stalling {
    return QMTPServer->new({ rcvbuf => 262_144 }, sub {
        my ($peer) = @_;
        if (!$peer->{stalled}++) {
            QMTPServer::sip($peer);
            $peer->stall('has begun');
        }
        QMTPServer::accepts($peer);
    });
}

# ---- a file that changes while it is sent

my $size = 8 * 1024 * 1024;
my %change = (
    'shorter'     => sub { truncate $_[0], $size - 1 },
    'empty'       => sub { truncate $_[0], 0 },
    'longer'      => sub { open my $fh, '>>', $_[0] or die $!; print {$fh} 'x'; close $fh },
    'longer by a lot' => sub { truncate $_[0], 2 * $size },
);
for my $name (sort keys %change) {
    my $path = file(changing => $size);
    my $server = stalling();
    my $qmtp = QMTPServer::client($server, WindowBytes => 1e8);
    $qmtp->submit(From => 's', To => [qw(a b)], File => $path);
    $qmtp->submit(From => 's', To => ['a'], Data => "behind\n");
    $qmtp->advance;
    $server->await('has begun');
    $change{$name}->($path);
    $server->release;
    my @results = $qmtp->collect->results;
    is(codes(@results), '450-body 450-body', "$name: surely not delivered");
    like($results[0]->message, qr/the file changed while it was read/, "$name: and it says why");
    is(codes($qmtp->collect->results), '250', "$name: what is behind it goes over another link");
    is($server->connections, 2, "$name: ... two links");
    ok(!(grep { !exists $_->{rest} } QMTPServer::packages($server->received(0))), "$name: no whole package went over the first");
    is_deeply([ map { $_->{message} } QMTPServer::packages($server->received(1)) ], ["behind\n"], "$name: nor the file again");
}

# One that was changed before is what it is then.
{
    my $path = file(before => $size);
    truncate $path, 100_000;
    my $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
    my $qmtp = QMTPServer::client($server);
    is(codes($qmtp->deliver(From => 's', To => ['a'], File => $path)), '250', 'a file that was changed before');
    is(length((QMTPServer::packages($server->received))[0]{message}), 100_000, '... has its new size');
}

# ---- a file that goes away is still open

{
    my $path = file(going => 1024 * 1024);
    my $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
    my $qmtp = QMTPServer::client($server);
    $qmtp->submit(From => 's', To => ['a'], File => $path);
    unlink $path;
    is(codes($qmtp->collect->results), '250', 'a file that is removed meanwhile');
    ok((QMTPServer::packages($server->received))[0]{message} eq $line x (1024 * 1024 / length $line), '... is sent whole');
}

# ---- the link dies before a byte of it: it is sent from its beginning

{
    my $path = file(again => 1024 * 1024);
    my $links = 0;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        return QMTPServer::accepts($peer) if $links++;
        $peer->send('1:K,') if QMTPServer::take($peer);
        $peer->close;
        $peer->mark('gone');
    });
    my $qmtp = QMTPServer::client($server);
    is(codes($qmtp->deliver(From => 's', To => ['a'], Data => 'first')), '250', 'before a lost link');
    $server->await('gone');
    is(codes($qmtp->deliver(From => 's', To => ['a'], File => $path)), '250', 'a file over another one');
    ok((QMTPServer::packages($server->received(1)))[0]{message} eq $line x (1024 * 1024 / length $line), '... whole');
}

# ---- memory

{
    my $path = "$folder/huge";
    open my $fh, '>:raw', $path or die $!;
    seek $fh, 64 * 1024 * 1024 - 1, 0;
    print {$fh} "\n";
    close $fh or die $!;
    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp', discard => 1);
    my $qmtp = Net::QMTP->new($sink->host, Port => $sink->port) or die $@;
    $qmtp->deliver(From => 's', To => ['a'], Data => 'warm');
    my %source = (
        'a file of 64 MB'      => [ File => $path ],
        'a handle on it'       => [ Data => do { open my $in, '<:raw', $path or die $!; $in } ],
        'code that gives it'   => [ Data => do { my $n = 0; sub { $n++ < 64 * 16 ? 'x' x 65536 : undef } } ],
    );
    for my $name (sort keys %source) {
        my $before = Memory::resident('VmHWM');
      SKIP: {
            skip 'memory cannot be measured here', 2 if !defined $before;
            is(codes($qmtp->deliver(From => 's', To => ['a'], @{ $source{$name} })), '250', $name);
            cmp_ok(Memory::resident('VmHWM') - $before, '<', 8 * 1024, '... in flat memory');
        }
    }
}

# ---- descriptors and temporary files do not stay

{
    my $count = sub { opendir my $dir, '/proc/self/fd' or return 0; scalar(() = readdir $dir) };
    local $ENV{TMPDIR} = File::Temp::tempdir(CLEANUP => 1);    # others have theirs where all do
    my $files = sub { scalar(() = glob "$ENV{TMPDIR}/*") };
    my $path = file(many => 100_000);
    my $server = QMTPServer->new(sub { QMTPServer::accepts($_[0]) });
    my $qmtp = QMTPServer::client($server);
    my ($before, $left) = ($count->(), $files->());
    $qmtp->submit(From => 's', To => ['a'], File => $path) for 1 .. 20;
    my $n = 0;
    $qmtp->submit(From => 's', To => ['a'], Data => sub { $n++ < 40 ? 'x' x 50_000 : undef });
    is($files->(), $left, 'a temporary file has no name');
    my @done;
    while (my $delivery = $qmtp->collect) { push @done, $delivery->is_success }
    is(scalar(grep {$_} @done), 21, 'many files');
    is($count->(), $before, '... none stays open');
}

done_testing;
