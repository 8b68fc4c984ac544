# Objects that did not come from Net::LMTP's new: a temporary file that takes the data, as libnet's own
# tests do it; sockets connected by others; a pair of sockets.

use strict;
use warnings;

use IO::File;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket;
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

{
    package OnFile;
    our @ISA = ('Net::LMTP', 'IO::File');
    sub new {
        my ($class) = @_;
        my $file = IO::File->new_tmpfile or die "tmpfile: $!";
        binmode $file;
        return bless $file, $class;
    }
    sub timeout  { return }
    sub response { return Net::Cmd::CMD_OK() }
    sub content {
        my ($self) = @_;
        seek $self, 0, 0;
        local $/;
        return scalar readline $self;
    }
}

for my $case (
    # name, pieces, what the file holds
    [ 'an empty string',          [''],                     ".\r\n" ],
    [ 'a line',                   ["a\n"],                  "a\r\n.\r\n" ],
    [ 'an unfinished line',       ['a'],                    "a\r\n.\r\n" ],
    [ 'two calls',                [ "a\n", "b\n" ],         "a\r\nb\r\n.\r\n" ],
    [ 'a line in pieces',         [qw(a b c)],              "abc\r\n.\r\n" ],
    [ 'dots',                     [ ".\n", ".", ".\n" ],    "..\r\n...\r\n.\r\n" ],
    [ 'CRLF',                     [ "a\r\n", "b\r", "\n" ], "a\r\nb\r\n.\r\n" ],
    [ 'CRLF split, then a dot',   [ "a\r", "\n.\n" ],       "a\r\n..\r\n.\r\n" ],
    [ 'a bare CR at the end',     ["a\r"],                  "a\r\r\n.\r\n" ],
    [ 'only a dot',               ['.'],                    "..\r\n.\r\n" ],
    [ 'empty lines',              [ "\n", "\r\n", "\n" ],   "\r\n\r\n\r\n.\r\n" ],
) {
    my ($name, $pieces, $expected) = @$case;
    my $object = OnFile->new;
    ok($object->datasend($_), "datasend to a file: $name") for @$pieces;
    ok($object->dataend, '... dataend');
    is($object->content, $expected, '... the file holds it');
}

{
    my $object = OnFile->new;
    ok($object->dataend, 'dataend with nothing sent');
    is($object->content, '', '... writes nothing');

    $object = OnFile->new;
    ok($object->command('NOOP'), 'command on a file');
    ok($object->rawdatasend("raw\n.\n"), 'rawdatasend');
    $object->flush;
    is($object->content, "NOOP\r\nraw\n.\n", '... the file holds them');

    $object = OnFile->new;
    ok($object->mail('a@x') && $object->to('b@x'), 'mail and to with a response that always says yes');
    is($object->content, "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\n", '... the file holds them');
    $object = OnFile->new;
    $object->datasend("a\n");
    $object->command('NOOP');
    $object->flush;
    is($object->content, "a\r\n.\r\nNOOP\r\n", 'a command ends the data first');
    $object->datasend("b\n");
    ok($object->close, 'close with data open');
    ok(!$object->datasend("c\n"), '... datasend is false then');
    is($object->dataend, 0, '... dataend 0');
}

# --- state and glob ---

{
    my $object = OnFile->new;
    is($object->code, 421, 'code before any reply');
    ok(!$object->ok, '... not ok');
    $object->set_status(250, "fine\n");
    is($object->code, 250, 'set_status');
    ${*$object}{mine} = 1;
    is(join(' ', grep { !/^(?:net_|io_|_|mail_wire)/i } keys %{*$object}), 'mine', 'keys of the glob are free')
        or diag explain [ keys %{*$object} ];
}

# --- sockets that others connected ---

my $session = ScriptedServer::session(keywords => ['PIPELINING'], final => [ '250 one', '450 two' ]);

sub speaks_ok {
    my ($lmtp, $server, $name) = @_;
    is($lmtp->code, 421, "$name: code before any reply");
    is($lmtp->response, 2, "$name: greeting");
    is($lmtp->message, "server.example LMTP ready\n", '... its text');
    ok($lmtp->hello('me'), '... hello');
    is($lmtp->supports('PIPELINING'), '', '... supports');
    ok($lmtp->mail('a@x') && $lmtp->to('b@x', 'c@x'), '... mail and to');
    ok(!$lmtp->data("x\n"), '... data');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x deferral 450 final' ], '... data_results');
    ok($lmtp->quit, '... quit');
    is($server->received, "LHLO me\r\nMAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nRCPT TO:<c\@x>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n", '... on the wire');
}

{
    package Mine;
    our @ISA = ('Net::LMTP');
}

for my $class (qw(Net::LMTP Mine)) {
    my $server = ScriptedServer->new(script => $session);
    my $socket = IO::Socket::INET->new(PeerAddr => $server->host, PeerPort => $server->port, Proto => 'tcp') or die "connect: $@";
    speaks_ok(bless($socket, $class), $server, "an IO::Socket::INET as $class");
    SKIP: {
        skip 'no IO::Socket::IP', 9 if !eval { require IO::Socket::IP };
        $server = ScriptedServer->new(script => $session);
        $socket = IO::Socket::IP->new(PeerAddr => $server->host, PeerPort => $server->port, Type => SOCK_STREAM) or die "connect: $@";
        speaks_ok(bless($socket, $class), $server, "an IO::Socket::IP as $class");
    }
    $server = ScriptedServer->new(script => $session, listen => 'unix');
    $socket = IO::Socket::UNIX->new(Peer => $server->path) or die "connect: $!";
    speaks_ok(bless($socket, $class), $server, "an IO::Socket::UNIX as $class");
}

{
    socketpair(my $here, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    binmode $there;
    my $lmtp = bless $here, 'Net::LMTP';
    syswrite $there, "220 hi\r\n250 ok\r\n";
    is($lmtp->response, 2, 'a glob of no class before: response');
    is($lmtp->code, 220, '... its code');
    $lmtp->command('NOOP');
    is($lmtp->response, 2, '... command and response');
    sysread $there, my $bytes, 100;
    is($bytes, "NOOP\r\n", '... on the wire');
}

# --- re-blessed in mid-session ---

{
    package Later;
    our @ISA = ('Net::LMTP');
    our $Responses = 0;
    sub response { $Responses++; return shift->SUPER::response }
}

{
    my ($lmtp, $server) = session();
    ok($lmtp->mail('a@x'), 'mail');
    bless $lmtp, 'Later';
    ok($lmtp->to('b@x'), '... re-blessed: to');
    is($Later::Responses, 1, '... with the hooks of its new class');
    ok($lmtp->data("x\n"), '... data');
    is_deeply([ shown($lmtp->results) ], ['b@x success 250 final'], '... and what was known before');
    bless $lmtp, 'Net::LMTP';
    ok($lmtp->_NOOP, '... and back');
    is($Later::Responses, 3, '... without them');
}

# --- the glob is the caller's ---

{
    my ($lmtp) = session();
    ${*$lmtp}{$_} = "my $_" for qw(key host timeout code net_cmd_mine results session);
    @{*$lmtp} = (1, 2);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data("x\n"), 'a session with keys of a subclass in the glob');
    is_deeply([ @{*$lmtp}{qw(key host timeout code net_cmd_mine results session)} ],
        [ map { "my $_" } qw(key host timeout code net_cmd_mine results session) ], '... which stay as they are');
    is_deeply([ @{*$lmtp} ], [ 1, 2 ], '... the array too');
}

# --- the descriptor is asked of the object each time ---

{
    my $first  = ScriptedServer->new(script => [ hello_script(), expect => 'NOOP', reply => '251 first' ]);
    my $lmtp   = connect_to($first);
    ok($lmtp->_NOOP, 'a link');
    CORE::close $lmtp;
    open my $other, '<', __FILE__ or die "open: $!";
    ok(!$lmtp->_NOOP, 'closed by the builtin: commands fail');
    is($lmtp->code, 421, '... code 421');
    is($lmtp->message, '[Net::LMTP] Connection closed', '... message');
    like(scalar <$other>, qr/^# Objects/, '... and another file that has the descriptor now is untouched');
}

done_testing;
