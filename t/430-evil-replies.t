# Replies that are too long, odd, or never end.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;

use constant { LINE => 12292, REPLY => 65536 };

sub line { my ($lead, $length) = @_; return $lead . 'x' x ($length - length $lead) }

# A reply of that many bytes in all, line ends not counted, its lines of at most 12292.
sub reply_of {
    my ($total) = @_;
    my @lines;
    while ($total > LINE) {
        my $length = $total - LINE < 4 ? LINE - 4 : LINE;
        push @lines, line('250-', $length);
        $total -= $length;
    }
    return join "\r\n", @lines, line('250 ', $total);
}

my @accepted = (
    [ 'a line at the limit',            line('250 ', LINE) ],
    [ 'a line below the limit',         line('250 ', LINE - 1) ],
    [ 'two lines at the limit',         line('250-', LINE) . "\r\n" . line('250 ', LINE) ],
    [ 'a reply at the limit',           reply_of(REPLY) ],
    [ 'a reply below the limit',        reply_of(REPLY - 1) ],
    [ 'a bare code',                    '250' ],
    [ 'a code and a space',             '250 ' ],
    [ 'a bare line feed at the end',    "250 ok\n" ],
    [ 'bare line feeds in several',     "250-one\n250 two\n" ],
    [ 'digits of any kind: 299',        '299 ok' ],
    [ 'eight bits',                     "250 \xe4\xf6\xff" ],
    [ 'NUL in the text',                "250 a\0b" ],
);

for my $case (@accepted) {
    my ($name, $reply) = @$case;
    my ($lmtp) = session(NOOP => [ $reply, '253 next' ]);
    ok($lmtp->_NOOP, $name);
    (my $text = $reply) =~ s/\r?\n\z//;
    is_deeply([ $lmtp->message ], [ map { s/^\d{3}[ -]?//; "$_\n" } split /\r?\n/, $text ], '... its lines');
    ok($lmtp->_NOOP, '... in step');
    is($lmtp->code, 253, '... with the next');
}

for my $case ([ '571 5.7.1 no', 571 ], [ '560 no', 560 ], [ '599 no', 599 ], [ '471 wait', 471 ], [ '199 wait', 199 ]) {
    my ($reply, $code) = @$case;
    my ($lmtp) = session(NOOP => $reply);
    ok(!$lmtp->_NOOP, "$reply: false");
    is($lmtp->code, $code, '... its code');
    is($lmtp->status, substr($code, 0, 1), '... its status');
}

# The calls take any character behind the code for a separator, as Net::Cmd does.
for my $case ([ '250xok', "ok\n" ], [ '250.1 ok', "1 ok\n" ]) {
    my ($reply, $message) = @$case;
    my ($lmtp) = session(NOOP => $reply);
    ok($lmtp->_NOOP, "reply '$reply'");
    is($lmtp->message, $message, '... its message');
}

my @refused = (
    [ 'a line above the limit',              line('250 ', LINE + 1) . "\r\n" ],
    [ 'a second line above the limit',       "250-ok\r\n" . line('250 ', LINE + 1) . "\r\n" ],
    [ 'a reply above the limit',             reply_of(REPLY + 1) . "\r\n" ],
    [ 'a line that does not end',            'x' x (LINE * 4) ],
    [ 'a reply that does not end',           "250-more\r\n" x 20_000 ],
    [ 'a reply of empty lines without end',  "250-\r\n" x 40_000 ],
);

for my $case (@refused) {
    my ($name, $bytes) = @$case;
    my ($lmtp, $server) = script(expect => 'NOOP', send => $bytes);
    ok(!$lmtp->_NOOP, "$name: false");
    is($lmtp->code, 421, '... code 421');
    isnt($lmtp->message, '', '... with a message');
    my $sent = wire($server);
    ok(!$lmtp->mail('a@x'), '... and the link is useless');
    is($lmtp->code, 421, '... code 421');
    isnt($lmtp->message, '', '... says why');
    is(wire($server), $sent, '... nothing more is sent');

    ($lmtp, $server) = script(
        (expect => qr/^/, reply => '250 ok') x 2, expect => 'DATA', reply => '354 go', data => undef, send => $bytes);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok(!$lmtp->data("x\n"), "$name, in place of a final reply: false");
    is_deeply([ shown($lmtp->data_results) ], ['b@x deferral 421 final maybe'], '... a deferral');

    my $greeter = ScriptedServer->new(script => [ send => $bytes ]);
    ok(!Net::LMTP->new($greeter->args), "$name, in place of the greeting: new fails");
    like($@, qr/./, '... with a reason');
}

# A line that is no reply is put back.
for my $line ('what?', '25', '25x no', ' 250 ok', '-1', '') {
    my ($lmtp) = script(expect => 'NOOP', reply => [ $line, '252 behind' ], expect => qr/^/, reply => '253 next');
    ok(!$lmtp->_NOOP, "'$line' is no reply");
    is($lmtp->code, 421, '... code 421');
    is($@, "$line\n", '... $@ holds it');
    is($lmtp->response, 5, '... response meets it again');
    is($lmtp->getline, "$line\n", '... getline returns it');
    is($lmtp->response, 2, '... and response goes on behind it');
    is($lmtp->code, 252, '... its code');
}

# However it arrives.
{
    my ($lmtp, $server) = script(expect => 'NOOP', trickle => "250-one\r\n250-two\r\n250 three\r\n");
    ok($lmtp->_NOOP, 'a reply byte by byte');
    is_deeply([ $lmtp->message ], [ "one\n", "two\n", "three\n" ], '... its lines');
}

done_testing;
