# What Debug writes, and where.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

{
    package Mine;
    our @ISA = ('Net::LMTP');
}

# The lines of a text that begin with the object, without it.
sub dialogue {
    my ($class, $text) = @_;
    return map { s/\r\z//; s/^\Q$class\E=GLOB\(0x[0-9a-f]+\)// ? $_ : () } split /\n/, $text;
}

for my $class (qw(Net::LMTP Mine)) {
    my ($lmtp, $server);
    my $text = stderr_of {
        ($lmtp, $server) = session({ class => $class, Debug => 1 }, keywords => ['PIPELINING'], final => [ '250 one', "450-two\r\n450 more" ]);
        $lmtp->mail('a@x');
        $lmtp->to('b@x', 'c@x');
        $lmtp->data("Subject: x\n\n.dot\r\nunfinished");
        $lmtp->quit;
    };
    is_deeply([ dialogue($class, $text) ], [
        '<<< 220 server.example LMTP ready',
        '>>> LHLO client.example',
        '<<< 250-server.example',
        '<<< 250 PIPELINING',
        '>>> MAIL FROM:<a@x>',
        '<<< 250 ok',
        '>>> RCPT TO:<b@x>',
        '<<< 250 ok',
        '>>> RCPT TO:<c@x>',
        '<<< 250 ok',
        '>>> DATA',
        '<<< 354 go on',
        '>>> Subject: x',
        '>>> ',
        '>>> .dot',
        '>>> unfinished',
        '>>> .',
        '<<< 250 one',
        '<<< 450-two',
        '<<< 450 more',
        '>>> QUIT',
        '<<< 221 bye',
    ], "the dialogue of a $class, a line each");
    like($text, qr/^\Q$lmtp\E>>> DATA\r?$/m, '... each begins with the object as a string');
}

# Net::Cmd shows a line before it sends it.
{
    package Dying;
    our @ISA = ('Net::LMTP');
    our $dies;
    our $command;
    sub debug_print { die "shown\n" if $dies and $_[1]; $command = 'x' x 10_000; undef $command; return }
}
{
    my ($lmtp, $server) = session({ class => 'Dying', Debug => 1 });
    $Dying::dies = 1;
    ok(!eval { $lmtp->_NOOP; 1 }, 'debug_print dies');
    is($@, "shown\n", '... through the command');
    $Dying::dies = 0;
    ok($lmtp->mail('a@x'), '... the next one has its own reply');
    is(wire($server), "MAIL FROM:<a\@x>\r\n", '... and the one before was not sent');
    $Dying::command = 'NOOP';
    is($lmtp->command($Dying::command)->response, 2, 'debug_print changes the string');
    like(wire($server), qr/^NOOP\r\n\z/m, '... the command is what it was');
}

{
    my ($lmtp) = session();
    is(stderr_of { $lmtp->_NOOP }, '', 'debug off: nothing');
    stderr_of { $lmtp->debug(1) };
    like(stderr_of { $lmtp->_NOOP }, qr/>>> NOOP\r?\n.*<<< 250 ok\n/, 'debug on');
    stderr_of { $lmtp->debug(0) };
    is(stderr_of { $lmtp->_NOOP }, '', 'off again');
}

{
    my ($lmtp) = session();
    stderr_of { $lmtp->debug(1) };
    my $text = stderr_of {
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        $lmtp->data;
        $lmtp->datasend($_) for "one\n", "two\n";
        $lmtp->rawdatasend("raw\r\n");
        $lmtp->dataend;
    };
    my @lines = dialogue('Net::LMTP', $text);
    is(scalar(grep { $_ eq '>>> one' } @lines), 1, 'datasend: shown once');
    is(scalar(grep { $_ eq '>>> raw' } @lines), 1, 'rawdatasend: shown once');
}

# A level for all objects of a class.
{
    my $server = ScriptedServer->new(script => ScriptedServer::session());
    is(Mine->debug, 0, 'a class has no level');
    stderr_of { is(Mine->debug(1), 0, '... until it is given one') };
    is(Mine->debug, 1, '... which it has then');
    my $lmtp;
    like(stderr_of { $lmtp = Mine->new($server->args) }, qr/>>> LHLO/, '... and which its objects begin with');
    is($lmtp->debug, 1, '... have');
    is(stderr_of { Net::LMTP->new($server->args) }, '', '... other classes do not');
    is(stderr_of { Mine->new($server->args, Debug => 0) }, '', '... nor those that are told otherwise');
    Mine->debug(0);
}

# The secrets of AUTH.
{
    my ($lmtp, $server) = session(AUTH => [ '235 in', '334 VXNlcm5hbWU6' ]);
    stderr_of { $lmtp->debug(1) };
    my $text = stderr_of { ok($lmtp->_AUTH('PLAIN', 'c2VjcmV0'), '_AUTH') };
    like($text, qr/AUTH PLAIN/, 'AUTH: the mechanism is shown');
    unlike($text, qr/c2VjcmV0/, '... the secret is not');
    is(wire($server), "AUTH PLAIN c2VjcmV0\r\n", '... but sent');
    $text = stderr_of { ok($lmtp->command('auth', 'plain', 'c2VjcmV0'), 'command auth') };
    unlike($text, qr/c2VjcmV0/, '... the secret is not shown');
}

# Warnings of Net::Cmd's kind, under debug only.
{
    my ($lmtp) = script(expect => 'NOOP', reply => 'no reply at all');
    is_deeply([ warnings_of { $lmtp->_NOOP } ], [], 'a line that is no reply: no warning without debug');
}

done_testing;
