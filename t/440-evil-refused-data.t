# Data after a DATA that was refused: not sent, and no success.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my $envelope = "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\n";

my %open = (
    'data'         => sub { $_[0]->data },
    '_DATA'        => sub { $_[0]->_DATA },
    'command DATA' => sub { $_[0]->command('DATA')->response == 3 },
    'datafh'       => sub { $_[0]->datafh },
);

for my $way (sort keys %open) {
    for my $reply ('451 4.3.0 not now', '554 5.5.1 no', '250 not a 354') {
        my ($code, $text) = $reply =~ /^(\d+) (.*)/;
        my ($lmtp, $server) = session(DATA => [ $reply, '354 go' ]);
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        ok(!$open{$way}->($lmtp), "$way answered by $reply");
        ok(!$lmtp->datasend("Subject: x\n"), '... datasend is false');
        ok(!$lmtp->datasend([ "QUIT\n", ".\n" ]), '... each time');
        ok(!$lmtp->dataend, '... dataend is false');
        is($lmtp->code, $code, '... with the code of DATA');
        is($lmtp->message, "$text\n", '... and its message');
        is(wire($server), $envelope, '... nothing was sent');
        is_deeply([ map { $_->is_success ? 1 : 0 } $lmtp->data_results ], [0], '... and nobody has it');
        if ($code < 400) {

            # A positive reply to a message that was not sent: the link cannot be trusted any more.
            ok(!$lmtp->reset, '... and the link is of no more use');
            is($lmtp->code, 421, '... code 421');
            next;
        }
        ok($lmtp->reset, '... reset');
        ok($lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data && $lmtp->datasend("y\n") && $lmtp->dataend,
            '... the next message goes through');
        is(wire($server), "${envelope}RSET\r\n${envelope}y\r\n.\r\n", '... on the wire');
    }
}

# The next message without a RSET.
{
    my ($lmtp, $server) = session(DATA => [ '451 no', '354 go' ]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $lmtp->data;
    $lmtp->datasend("x\n");
    ok(!$lmtp->dataend, 'refused');
    ok($lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("y\n"), '... the next message goes through without a RSET');
    is_deeply([ shown($lmtp->results) ], ['b@x success 250 final'], '... with results of its own');
}

# data(LIST) sends nothing either.
{
    my ($lmtp, $server) = session(DATA => '503 no');
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok(!$lmtp->data("x\n"), 'data(LIST) refused');
    is(wire($server), $envelope, '... nothing was sent');
    is($lmtp->code, 503, '... code');
    ok($lmtp->_NOOP, '... the link is in step');
}

# No reply to DATA at all.
{
    my ($lmtp, $server) = script((expect => qr/^/, reply => '250 ok') x 2, expect => 'DATA', close => undef);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok(!$lmtp->data, 'the link is lost at DATA');
    ok(!$lmtp->datasend("x\n"), '... datasend is false');
    is($lmtp->dataend, 0, '... dataend is 0');
    is($lmtp->code, 421, '... code 421');
}

# A 3xx that is none of ours, for example the rest of a 354 that a 421 came into: no later reply can be told, so the link is closed.
for my $reply ('3421 4.3.2 going', '334 go on', '355 go') {
    my ($lmtp, $server) = session(DATA => $reply);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok(!$lmtp->data, "DATA, $reply: false");
    is($lmtp->code, substr($reply, 0, 3), '... its code');
    ok(!$lmtp->opened, '... closed');
    is_deeply([ map { $_->status } $lmtp->results ], ['deferral'], '... a deferral');
}

done_testing;
