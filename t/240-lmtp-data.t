# A message's data: what datasend makes of it, when it is open, and what ends it.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

my $envelope = "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\n";

sub open_data {
    my ($lmtp) = @_;
    return $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data;
}

# --- bytes ---

my @table = (
    # name, pieces, on the wire
    [ 'nothing',                    [],                           '' ],
    [ 'an empty string',            [''],                         '' ],
    [ 'a line',                     ["a\n"],                      "a\r\n" ],
    [ 'an unfinished line',         ['a'],                        "a\r\n" ],
    [ 'CRLF stays',                 ["a\r\nb\r\n"],               "a\r\nb\r\n" ],
    [ 'a mixture',                  ["a\nb\r\nc\n"],              "a\r\nb\r\nc\r\n" ],
    [ 'only a line feed',           ["\n"],                       "\r\n" ],
    [ 'a dot first',                [".a\n"],                     "..a\r\n" ],
    [ 'a lone dot',                 ["a\n.\nb\n"],                "a\r\n..\r\nb\r\n" ],
    [ 'a lone dot behind CRLF',     ["a\r\n.\r\nb\r\n"],          "a\r\n..\r\nb\r\n" ],
    [ 'a dot at the very end',      ["a\n."],                     "a\r\n..\r\n" ],
    [ 'two dots',                   ["..\n"],                     "...\r\n" ],
    [ 'a dot inside',               ["a.b\n"],                    "a.b\r\n" ],
    [ 'a dot that begins a call',   [ "a\n", ".b\n" ],            "a\r\n..b\r\n" ],
    [ 'a dot in mid-line at a call', [ 'a', ".b\n" ],             "a.b\r\n" ],
    [ 'CRLF split',                 [ "a\r", "\nb\n" ],           "a\r\nb\r\n" ],
    [ 'CRLF split before a dot',    [ "a\r", "\n.b\n" ],          "a\r\n..b\r\n" ],
    [ 'CRLF split, then a dot',     [ "a\r", "\n", ".b\n" ],      "a\r\n..b\r\n" ],
    [ 'a bare CR',                  ["a\rb\n"],                   "a\rb\r\n" ],
    [ 'a bare CR before a dot',     ["a\r.b\n"],                  "a\r\n..b\r\n" ],
    [ 'the same, split',            [ "a\r", ".b\n" ],            "a\r\n..b\r\n" ],
    [ 'two CRs and LF',             ["a\r\r\n"],                  "a\r\r\n" ],
    [ 'NUL',                        ["a\0b\n\0\n"],               "a\0b\r\n\0\r\n" ],
    [ 'eight bits',                 ["\xe4\xff\n"],               "\xe4\xff\r\n" ],
    [ 'a long line',                [ ('x' x 5000) . "\n" ],      ('x' x 5000) . "\r\n" ],
    [ 'smuggling by LF',            ["a\n.\nMAIL FROM:<e>\n"],    "a\r\n..\r\nMAIL FROM:<e>\r\n" ],
    [ 'smuggling by CR',            ["a\r.\rMAIL FROM:<e>\n"],    "a\r\n..\rMAIL FROM:<e>\r\n" ],
    [ 'smuggling by CR and LF',     ["a\r.\nMAIL FROM:<e>\n"],    "a\r\n..\r\nMAIL FROM:<e>\r\n" ],
);

sub check_message {
    my ($name, $expected, $send) = @_;
    my ($lmtp, $server) = session();
    ok(open_data($lmtp), "$name: data");
    ok($send->($lmtp), "$name: datasend");
    ok($lmtp->dataend, "$name: dataend");
    is(wire($server), "$envelope$expected.\r\n", "$name: on the wire");
    my $inside = substr wire($server), length $envelope, -3;
    ok(!(grep { $_ eq '.' } split /\r\n|\r|\n/, $inside), "$name: no reading shows an early end");
    return;
}

for my $case (@table) {
    my ($name, $pieces, $expected) = @$case;
    check_message("$name, by calls", $expected, sub {
        my ($lmtp) = @_;
        return !grep { !$lmtp->datasend($_) } @$pieces;
    });
    check_message("$name, a list",      $expected, sub { $_[0]->datasend(@$pieces) });
    check_message("$name, a reference", $expected, sub { $_[0]->datasend([@$pieces]) });
    check_message("$name, byte by byte", $expected, sub {
        my ($lmtp) = @_;
        return !grep { !$lmtp->datasend($_) } split //, join '', @$pieces;
    });
}

{
    my $bytes = "caf\xe9\n.\n";
    utf8::upgrade($bytes);
    check_message('text flagged as utf8', "caf\xe9\r\n..\r\n", sub { $_[0]->datasend($bytes) });
    my @pieces = ("\xe9", "\xe9\n");
    utf8::upgrade($pieces[0]);
    check_message('flagged and plain together', "\xe9\xe9\r\n", sub { $_[0]->datasend(@pieces) });
    check_message('numbers', "1.5\r\n", sub { $_[0]->datasend(1.5) });
}

# --- data with content ---

for my $case ([ 'a list', "a\n", ".b" ], [ 'a reference', [ "a\n", ".b" ] ]) {
    my ($name, @arguments) = @$case;
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data(@arguments), "data with $name");
    is(wire($server), "${envelope}a\r\n..b\r\n.\r\n", '... on the wire');
    ok($lmtp->_NOOP, '... and the link is in step');
}

for my $case ([ 'an empty string', '' ], [ 'a list of one by reference', [''] ]) {
    my ($name, @arguments) = @$case;
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data(@arguments), "data with $name");
    is(wire($server), "$envelope.\r\n", '... an empty message');
}

# A list that somebody forgot to fill is no message.
{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    my $sent = wire($server);
    ok(!$lmtp->data([]), 'data with an empty list by reference');
    is($lmtp->code, 501, '... code 501');
    is(wire($server), $sent, '... nothing sent');
    ok($lmtp->data("x\n"), '... and the message can be sent');
}

# --- rawdatasend ---

{
    my @raw = (
        # name, [ method, bytes ]..., on the wire
        [ 'as it is',                    [ [ raw => "a\n.\r\nb\r\n" ] ],                  "a\n.\r\nb\r\n.\r\n" ],
        [ 'an unfinished line is ended', [ [ raw => 'a' ] ],                              "a\r\n.\r\n" ],
        [ 'a line state for datasend',   [ [ raw => "a\r\n" ], [ data => ".b\n" ] ],      "a\r\n..b\r\n.\r\n" ],
        [ 'in mid-line',                 [ [ raw => 'a' ], [ data => ".b\n" ] ],          "a.b\r\n.\r\n" ],
        [ 'behind datasend',             [ [ data => "a\n" ], [ raw => ".\r\nb\r\n" ] ],  "a\r\n.\r\nb\r\n.\r\n" ],
        [ 'a CR that datasend completes', [ [ raw => "a\r" ], [ data => "\n.b\n" ] ],     "a\r\n..b\r\n.\r\n" ],
    );
    for my $case (@raw) {
        my ($name, $calls, $expected) = @$case;
        # A server that takes the dot only where the client means it.
        my ($lmtp, $server) = script(
            (expect => qr/^/, reply => '250 ok') x 2, expect => 'DATA', reply => '354 go', bytes => length $expected, reply => '250 done',
            expect => 'NOOP', reply => '250 ok');
        ok(open_data($lmtp), "rawdatasend: $name");
        for my $call (@$calls) {
            my $method = $call->[0] eq 'raw' ? 'rawdatasend' : 'datasend';
            ok($lmtp->$method($call->[1]), "... $method");
        }
        ok($lmtp->dataend, '... dataend');
        is(wire($server), "$envelope$expected", '... on the wire');
        ok($lmtp->_NOOP, '... and the link is in step');
    }
}

# --- when data is open, and what ends it ---

{
    my ($lmtp, $server) = session();
    ok($lmtp->dataend, 'dataend with no data asked for is true');
    is(wire($server), '', '... and sends nothing');
    ok(open_data($lmtp), 'data');
    ok($lmtp->dataend, 'dataend ends an empty message');
    is(wire($server), "$envelope.\r\n", '... with a dot');
    ok($lmtp->dataend, 'a second dataend is true');
    is(wire($server), "$envelope.\r\n", '... and sends nothing');
    ok($lmtp->_NOOP, '... nor reads anything');
    $lmtp->close;
    is($lmtp->dataend, 0, 'dataend on a closed link is 0');
    ok(!$lmtp->datasend("x\n"), 'datasend on a closed link is false');
}

for my $route (
    [ 'data'         => sub { $_[0]->data } ],
    [ '_DATA'        => sub { $_[0]->_DATA } ],
    [ 'command DATA' => sub { $_[0]->command('DATA')->response == 3 } ],
    [ 'command data' => sub { $_[0]->command('data')->response == 3 } ],
    [ 'datafh'       => sub { $_[0]->datafh } ],
) {
    my ($name, $open) = @$route;
    for my $text ("x\n", undef) {
        my ($lmtp, $server) = session();
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        ok(my $kept = $open->($lmtp), "open by $name");
        ok($lmtp->datasend($text), '... datasend') if defined $text;
        ok($lmtp->_NOOP, '... a command ends the data first');
        my $data = $name =~ /data$/ && $name ne 'data' ? 'data' : 'DATA';
        my $body = defined $text ? "x\r\n" : '';
        is(wire($server), "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\n$data\r\n$body.\r\nNOOP\r\n", '... on the wire');
        is_deeply([ shown($lmtp->data_results) ], ['b@x success 250 final'], '... and its result is there');
    }
}

{
    my ($lmtp, $server) = session();
    open_data($lmtp);
    $lmtp->datasend('unfinished');
    ok($lmtp->quit, 'quit with data open');
    is(wire($server), "${envelope}unfinished\r\n.\r\nQUIT\r\n", '... ends the data first');
}

for my $way (
    [ 'reset'         => sub { $_[0]->reset } ],
    [ '_RSET'         => sub { $_[0]->_RSET } ],
    [ 'command RSET'  => sub { $_[0]->command('RSET')->response == 2 } ],
    [ 'command rset'  => sub { $_[0]->command('rset')->response == 2 } ],
) {
    my ($name, $reset) = @$way;
    my ($lmtp, $server) = session();
    open_data($lmtp);
    $lmtp->datasend("sent so far\n");
    ok(!$reset->($lmtp), "$name with data open is false");
    is($lmtp->code, 421, '... code 421');
    ok(!$lmtp->opened, '... closed');
    $server->await('eof');
    unlike(wire($server), qr/^\.\r$/m, '... without the end of the message');
    unlike(wire($server), qr/RSET/i, '... or a RSET inside it');
    ok(!(grep { $_->maybe_delivered || $_->is_success } $lmtp->data_results), '... surely not delivered');
}

{
    my ($lmtp, $server) = session();
    open_data($lmtp);
    $lmtp->datasend("sent so far\n");
    undef $lmtp;
    ok($server->await('eof'), 'DESTROY closes');
    unlike(wire($server), qr/^(?:\.|QUIT)\r$/m, '... with neither dot nor QUIT');
}

# --- when it leaves ---

{
    my ($lmtp, $server) = session();
    open_data($lmtp);
    $lmtp->datasend("a\n");
    ok($lmtp->flush, 'flush');
    is(wire($server), "${envelope}a\r\n", '... sends what was held back');
    $lmtp->datasend("b\n");
    ok($lmtp->dataend, 'dataend');
    is(wire($server), "${envelope}a\r\nb\r\n.\r\n", '... sends the rest');
}

{
    my ($lmtp, $server) = session();
    ok($lmtp->rawdatasend("NOOP\r\n"), 'rawdatasend outside of data');
    is($lmtp->response, 2, '... is flushed before a read');
    is(wire($server), "NOOP\r\n", '... as it is');
}

{
    my ($lmtp, $server) = session({ server => { rcvbuf => 4096 } });
    my @lines = map { sprintf "%06d %s\n", $_, 'x' x ($_ % 97) } 1 .. 40_000;
    open_data($lmtp);
    ok(!(grep { !$lmtp->datasend($_) } @lines), 'many small calls');
    ok($lmtp->dataend, '... dataend');
    (my $expected = join '', @lines) =~ s/\n/\r\n/g;
    ok(wire($server) eq "$envelope$expected.\r\n", '... every byte arrives');

    my $block = join '', @lines;
    open_data($lmtp);
    ok($lmtp->datasend($block x 4), 'one large call');
    ok($lmtp->dataend, '... dataend');
    ok(wire($server) eq "$envelope$expected.\r\n$envelope" . ($expected x 4) . ".\r\n", '... every byte arrives');
}

# A handle that is in memory has no descriptor to ask: that is no error of the call.
for my $case ([ 'alone' => sub { $_[0]->data($_[1]) } ], [ 'in a list' => sub { $_[0]->data([ $_[1] ]) } ]) {
    my ($name, $send) = @$case;
    my ($lmtp, $server) = session(final => ['250 there']);
    open my $memory, '<', \"text\n" or die $!;
    $lmtp->mail('s@x');
    $lmtp->to('a@x');
    local $! = 0;
    ok($send->($lmtp, $memory), "a handle in memory, $name");
    is($! + 0, 0, '... leaves $!');
}

done_testing;
