# Net::QMTP and files: streamed as they are, never run, never half accepted.

use strict;
use warnings;

use Errno ();
use Test::More;

use lib 't/lib';
use DeliveryTest;
use LMTPTest;
use Memory;
use Net::QMTP;
use QMTPServer;

my $folder = folder();

sub sender_of {
    my ($server, $file, @recipients) = @_;
    my $qmtp = QMTPServer::client($server);
    $qmtp->sender('s');
    $qmtp->recipient($_) for @recipients ? @recipients : 'r';
    $qmtp->message_from_file($file);
    return $qmtp;
}

# What send returned, and what it warned of.
sub sent {
    my ($qmtp) = @_;
    my $warning = '';
    local $SIG{__WARN__} = sub { $warning .= $_[0] };
    my $answers = $qmtp->send;
    return ($answers, $warning);
}

# ---- whole files

my %contents = (
    empty        => '',
    'one line'   => "line\n",
    'no newline' => "a\nb",
    octets       => join('', map { chr } 0 .. 255),
    'one block'  => 'x' x 65536,
    'a byte more' => 'x' x 65537,
    'many blocks' => "0123456789abcde\n" x 20000,
);
for my $name (sort keys %contents) {
    my $server = QMTPServer->new([ 'Kok', 'Dno' ]);
    my $qmtp = sender_of($server, written('message', $contents{$name}), 'a', 'b');
    my ($answers, $warning) = sent($qmtp);
    is_deeply($answers, { a => 'success: ok', b => 'failure: no' }, "$name: answers");
    is($warning, '', "$name: no warning");
    is_deeply([ QMTPServer::packages($server->received) ],
        [ { eol => "\012", message => $contents{$name}, sender => 's', rcpts => [ 'a', 'b' ] } ], "$name: package");
}

for my $name ('|touch ran', 'touch ran|', '>ran', ' spaces ', '-', 'line\nend') {
    my $server = QMTPServer->new(['Kok']);
    my $qmtp = sender_of($server, written($name, "message\n"));
    is_deeply($qmtp->send, { r => 'success: ok' }, "a file named '$name' is a file");
    ok(!-e "$folder/ran" && !-e 'ran', '... and no command');
}

{
    my $server = QMTPServer->new(['Kok']);
    my $qmtp = sender_of($server, "$folder/later");
    written('later', "written after message_from_file\n");
    is_deeply($qmtp->send, { r => 'success: ok' }, 'the file is opened at send');
}

# ---- files that can't be sent

sub test_unreadable {
    my ($name, $file, $pattern) = @_;
    my $server = QMTPServer->new(['Kok']);
    my @recipients = ('a', "b \x{20AC}", 'a');
    my $qmtp = sender_of($server, $file, @recipients);
    my ($answers, $warning) = sent($qmtp);
    is($answers, undef, "$name: undef");
    like($warning, qr/^message_from_file: \Q$file\E: $pattern at \Q${\__FILE__}\E line/, '... a carp with file and reason');
    is_deeply([ map { [ $_->index, $_->recipient, $_->status, $_->code, $_->stage, $_->maybe_delivered ] } $qmtp->results ],
        [ map { [ $_->[0], $_->[1], 'deferral', 450, 'body', 0 ] } [ 0, 'a' ], [ 1, "b \xE2\x82\xAC" ], [ 2, 'a' ] ],
        '... a deferral for each recipient');
    is((grep { $_->message =~ /\Amessage_from_file: \Q$file\E: $pattern\z/ } $qmtp->results), 3, '... which says why');
    like($qmtp->error, qr/\Q$file\E: $pattern/, '... and an error');
    ok($server->await('eof'), '... and the link is closed');
    is($server->received, '', '... with nothing sent');
    ok(!$qmtp->is_connected, '... so there is no connection');
    ok($qmtp->close ? 0 : 1, '... to be closed');
    is($qmtp->send, undef, '... and as the caller has closed it');
    is($qmtp->error, 'send: no connection', '... for the next send');
    is_deeply([ map { [ $_->index, $_->recipient, $_->stage, $_->message ] } $qmtp->results ],
        [ map { [ @$_, 'connect', 'send: no connection' ] } [ 0, 'a' ], [ 1, "b \xE2\x82\xAC" ], [ 2, 'a' ] ], '... which has deferrals');
    return;
}

test_unreadable('no such file', "$folder/nothing", words_of(Errno::ENOENT()));
test_unreadable('a directory', $folder, qr/not a plain file/);
test_unreadable('a device', '/dev/null', qr/not a plain file/);
test_unreadable('a command', "echo hello |", words_of(Errno::ENOENT()));

# Root reads everything: somebody else does it then.
SKIP: {
    my $file = written('secret', 'x');
    chmod 0, $file;
    chmod 0711, $folder;
    my $user = $> || getpwnam 'nobody';
    skip 'nobody to be who may not read everything', 12 if !$user;
    local $> = $user;
    skip 'this root cannot be somebody else', 12 if $> != $user;
    test_unreadable('no permission', $file, words_of(Errno::EACCES()));
}

# The server must never see the package's end.
sub test_changed {
    my ($name, $file, $server, $pattern) = @_;
    my $qmtp = sender_of($server, $file);
    my ($answers, $warning) = sent($qmtp);
    is($answers, undef, "$name: undef");
    like($warning, qr/^message_from_file: \Q$file\E: $pattern at \Q${\__FILE__}\E line/, '... a carp');
    ok($server->await('eof'), '... the link is closed');
    is_deeply([ grep { !exists $_->{rest} } QMTPServer::packages($server->received) ], [], '... within the package');
    is_deeply([ map { [ $_->status, $_->stage, $_->maybe_delivered ] } $qmtp->results ],
        [ [ 'deferral', 'body', 0 ] ], '... which was surely not accepted');
    ok(!$qmtp->is_connected, '... and there is no connection any more');
    return;
}

sub shrink { truncate $_[0], $_[1] or die "truncate: $!"; return }

sub rewrite {
    open my $fh, '+<', $_[0] or die "rewrite: $!";
    print {$fh} 'x';
    close $fh or die "rewrite: $!";
    return;
}

sub grow {
    open my $fh, '>>', $_[0] or die "append: $!";
    print {$fh} 'x';
    close $fh or die "append: $!";
    return;
}

# A small one, between its size being asked for and its being read: what is told with Debug is told there.
sub test_changing_small {
    my ($name, $size, $change, $pattern) = @_;
    my $file   = written('changing', 'x' x $size);
    my $server = QMTPServer->new(['Kok']);
    no warnings 'redefine';
    local *Net::QMTP::_debug = sub { $change->($file) if $_[1] =~ /\Asending/ };
    test_changed($name, $file, $server, $pattern);
    return;
}

test_changing_small('a file that shrinks', 65536, sub { shrink($_[0], 20) }, qr/it shrank.*/);
test_changing_small('a file that grows', 65536, \&grow, qr/it grew.*/);
test_changing_small('an empty file that grows', 0, \&grow, qr/it grew.*/);

# A large one, once the server has some of it: done by the server, in its own process. It is larger than all that a socket
# takes unread, and a hole, which needs no room on the disk.
my $LARGE = 64 * 1024 * 1024;

sub test_changing_large {
    my ($name, $change) = @_;
    my $file   = written('changing', '');
    shrink($file, $LARGE);
    utime 1, 1, $file;    # systems whose clock of files is slow would not see a change in its first moments
    my $server = QMTPServer->new({ rcvbuf => 65536 }, sub {
        my ($peer) = @_;
        QMTPServer::sip($peer);
        $change->($file);
    });
    test_changed($name, $file, $server, qr/it changed while it was sent/);
    return;
}

test_changing_large('a large file that shrinks', sub { shrink($_[0], $LARGE - 1) });
test_changing_large('a large file that vanishes', sub { shrink($_[0], 0) });
test_changing_large('a large file that grows', \&grow);
test_changing_large('a large file that is written to', \&rewrite);

# ---- a server that goes while it is sent: sendfile may send a part and raise SIGPIPE all the same

for my $family (qw(ipv4 unix)) {
    my ($file, $pipes, $sent) = (written('going', 'y' x 8_000_000), 0, 0);
    local $SIG{PIPE} = sub { $pipes++ };
    my $server = QMTPServer->new({ listen => $family }, sub {
        my ($peer) = @_;
        sysread $peer->{peer}, my $block, 65536 for 0 .. rand 60;
        QMTPServer::hang_up($peer);
    });
    for (1 .. 100) {
        # Whole it may be sent, if the kernel takes so much.
        my $answers = sender_of($server, $file)->send || {};
        $sent += grep {/^success/} values %$answers;
    }
    is($sent, 0, "$family: a server that goes in the middle has accepted nothing");
    is($pipes, 0, '... and nobody hears a SIGPIPE');
}

# ---- the file is not held when it has been sent

SKIP: {
    skip 'no /proc to see descriptors in', 1 if !-d '/proc/self/fd';
    my $server = QMTPServer->new(['Kok']);
    my $qmtp = sender_of($server, my $file = written('held', 'z' x 100_000));
    $qmtp->send;
    is((grep { (readlink || '') eq $file } glob '/proc/self/fd/*'), 0, 'the file is closed when send returns');
}

# ---- memory

SKIP: {
    my $size = 48 * 1024 * 1024;
    my $before = Memory::resident('VmHWM');
    skip 'memory cannot be measured here', 2 if !defined $before;
    open my $fh, '>', "$folder/large" or die "large: $!";
    truncate $fh, $size or die "truncate: $!";
    close $fh or die "large: $!";
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        $peer->bytes(length($size) + 1);
        my $left = $size + 2;
        while ($left) {
            $left -= length $peer->bytes($left < 65536 ? $left : 65536);
            $peer->{recorded}[-1] = '';
        }
        $peer->bytes(length '1:s,4:1:r,,');
        $peer->send(QMTPServer::netstring('Kok'));
    });
    is_deeply(sender_of($server, "$folder/large")->send, { r => 'success: ok' }, 'a large file');
    cmp_ok(Memory::resident('VmHWM') - $before, '<', 8 * 1024, '... needs no memory of its size');
}

# ---- a message in a scalar is not copied

SKIP: {
    my $before = Memory::resident('VmHWM');
    skip 'memory cannot be measured here', 2 if !defined $before;
    my $size = 48 * 1024 * 1024;
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        my $left = length("$size:\n,1:s,4:1:r,,") + $size;
        while ($left) {
            $left -= length $peer->bytes($left < 65536 ? $left : 65536);
            $peer->{recorded}[-1] = '';
        }
        $peer->send(QMTPServer::netstring('Kok'));
    });
    my $qmtp = QMTPServer::client($server);
    $qmtp->sender('s');
    $qmtp->recipient('r');
    $qmtp->message("0123456789abcde\n" x 1024) for 1 .. $size / 16384;
    my $held = Memory::resident('VmHWM');
    is_deeply($qmtp->send, { r => 'success: ok' }, 'a large message');
    cmp_ok(Memory::resident('VmHWM') - $held, '<', 8 * 1024, '... is sent from where it is');
}

done_testing;
