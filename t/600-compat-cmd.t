# Net::Cmd's surface on a Net::LMTP.

use strict;
use warnings;

use Net::Cmd;
use Test::More;

use lib 't/lib';
use LMTPTest;

can_ok('Net::LMTP', qw(command response message code ok status set_status debug debug_print debug_text datasend rawdatasend
    dataend getline ungetline parse_response read_until_dot unsupported tied_fh timeout));

is_deeply([ map { Net::LMTP->can($_)->() } qw(CMD_PENDING CMD_INFO CMD_OK CMD_MORE CMD_REJECT CMD_ERROR) ], [ 0 .. 5 ],
    'the CMD_ constants can be called by the class');

# --- message, code, status, ok ---

{
    my ($lmtp) = session(NOOP => [ "250-one\r\n250-\r\n250 three", '251' ]);
    ok($lmtp->_NOOP, 'a reply of three lines');
    is_deeply([ $lmtp->message ], [ "one\n", "\n", "three\n" ], 'message in list context: the lines');
    is(scalar $lmtp->message, "one\n\nthree\n", '... in scalar context: joined');
    ok($lmtp->_NOOP, 'a reply without text');
    is_deeply([ $lmtp->message ], ["\n"], '... is one empty line');
}

for my $case ([ '251 a', 1 ], [ '550 no', 0 ], [ '450 no', 0 ], [ '150 wait', 1 ], [ '399 x', 1 ]) {
    my ($reply, $ok) = @$case;
    my ($lmtp) = session(NOOP => $reply);
    is($lmtp->command('NOOP')->response, substr($reply, 0, 1), "response to $reply");
    is($lmtp->code, substr($reply, 0, 3), '... code');
    is($lmtp->status, substr($reply, 0, 1), '... status');
    is(!!$lmtp->ok, !!$ok, '... ok');
}

{
    my ($lmtp) = session();
    is($lmtp->set_status(299, 'text'), 1, 'set_status');
    is_deeply([ $lmtp->code, $lmtp->status, $lmtp->message ], [ 299, 2, 'text' ], '... with a text');
    $lmtp->set_status(512, [ "a\n", "b\n" ]);
    is_deeply([ $lmtp->code, $lmtp->status, $lmtp->message ], [ 512, 5, "a\n", "b\n" ], '... with a list');
    is(scalar $lmtp->message, "a\nb\n", '... joined');
    ok(!$lmtp->ok, '... ok follows');
    $lmtp->set_status(250, undef);
    is_deeply([ $lmtp->message ], [], '... with nothing');
    is(scalar $lmtp->message, '', '... joined');
    ok($lmtp->ok, '... ok follows');
    is($lmtp->unsupported, 0, 'unsupported returns 0');
    is($lmtp->code, 580, '... code 580');
    like($lmtp->message, qr/^Unsupported command/, '... message');
    for my $method (qw(code message status set_status ok)) {
        ok(!eval { $lmtp->$method(1); 1 }, "$method with a wrong number of arguments croaks");
    }
}

# --- command ---

{
    my ($lmtp, $server) = session();
    is($lmtp->command('VRFY', 'a', 'b  c'), $lmtp, 'command returns the object');
    is($lmtp->response, 2, '... its reply');
    is(wire($server), "VRFY a b  c\r\n", '... arguments joined by spaces');
    is($lmtp->command, $lmtp, 'command without arguments');
    is(wire($server), "VRFY a b  c\r\n", '... sends nothing');
    $lmtp->command("NOOP") for 1 .. 3;
    is(join(' ', map { $lmtp->response } 1 .. 3), '2 2 2', 'commands sent ahead of their replies');
    is(wire($server), "VRFY a b  c\r\n" . "NOOP\r\n" x 3, '... on the wire');
    $lmtp->close;
    is($lmtp->command('NOOP'), $lmtp, 'command on a closed link returns the object');
    is($lmtp->code, 421, '... code 421');
    is($lmtp->message, '[Net::LMTP] Connection closed', '... message');
    is($lmtp->response, CMD_ERROR, '... response is CMD_ERROR');
    is($lmtp->getline, undef, '... getline undef');
    is($lmtp->code, 421, '... code 421');
}

# --- lines ---

{
    my ($lmtp, $server) = script(expect => 'HELP', send => "214-one\r\n214 two\nplain\r\n\r\n250 ok\r\n", expect => qr/^/, reply => '250 ok');
    $lmtp->command('HELP');
    is($lmtp->getline, "214-one\n", 'getline: a line, its end a line feed');
    is($lmtp->getline, "214 two\n", '... also behind a bare one');
    is($lmtp->getline, "plain\n", '... whatever it is');
    is($lmtp->getline, "\n", '... an empty one');
    $lmtp->ungetline("252 put back\n");
    is($lmtp->response, 2, 'ungetline: read next');
    is($lmtp->code, 252, '... before what the server sent');
    $lmtp->ungetline("second\n");
    $lmtp->ungetline("first\n");
    is($lmtp->getline . $lmtp->getline, "first\nsecond\n", '... the last one first');
    is($lmtp->response, 2, '... and then the server');
    is($lmtp->code, 250, '... its code');
}

{
    my ($lmtp) = session();
    for my $case (
        [ "250 ok\n",    [ 250, '' ],  "ok\n" ],
        [ "250-more\n",  [ 250, 1 ],   "more\n" ],
        [ "250\n",       [ 250, '' ],  "\n" ],
        [ "250xyz\n",    [ 250, '' ],  "yz\n" ],
        [ "no reply\n",  [],           "no reply\n" ],
        [ "25 x\n",      [],           "25 x\n" ],
        [ '',            [],           '' ],
    ) {
        my ($line, $expected, $rest) = @$case;
        (my $label = $line) =~ s/\n//;
        my @got = $lmtp->parse_response($line);
        $got[1] = $got[1] ? 1 : '' if @got;
        is_deeply(\@got, $expected, "parse_response '$label'");
        is($line, $rest, '... takes code and separator off its argument');
    }
}

# --- read_until_dot ---

{
    my ($lmtp) = script(expect => 'HELP', send => "one\r\n..two\r\n...\r\n\r\n.\r\n", expect => 'HELP', send => "four\r\n.\r\n",
        expect => 'HELP', send => "five\r\n", close => undef);
    $lmtp->command('HELP');
    is_deeply($lmtp->read_until_dot, [ "one\n", ".two\n", "..\n", "\n" ], 'read_until_dot: a list, one dot of two taken off');
    $lmtp->command('HELP');
    open my $handle, '>', \my $text or die "open: $!";
    is_deeply($lmtp->read_until_dot($handle), [], '... to a handle: an empty list');
    close $handle;
    is($text, "four\n", '... and the lines there');
    $lmtp->command('HELP');
    is($lmtp->read_until_dot, undef, '... undef when the link is lost');
}

# --- debug ---

{
    my ($lmtp) = session();
    is($lmtp->debug, 0, 'debug is 0');
    is(stderr_of { is($lmtp->debug(0), 0, 'debug(0) returns the level before') }, '', '... and says nothing');
    stderr_of { $lmtp->debug(3) };
    is($lmtp->debug, 3, 'debug(3)');
    is($lmtp->debug(1), 3, '... returned next time');
    $lmtp->debug(undef);
    is($lmtp->debug, 0, 'debug(undef) is the default of the class');
    is($lmtp->debug_text(1, 'text'), 'text', 'debug_text returns its text');
    ok(!eval { $lmtp->debug(1, 2); 1 }, 'debug with two arguments croaks');
}

# --- IO::Handle's part ---

{
    my ($lmtp) = session();
    is($lmtp->timeout, 120, 'timeout');
    $lmtp->timeout(5);
    is($lmtp->timeout, 5, '... can be set');
    ok($lmtp->close, 'close');
    ok(!$lmtp->opened, 'opened');
    is($lmtp->fileno, undef, 'fileno');
    ok(!$lmtp->close, 'close again');
}

done_testing;
