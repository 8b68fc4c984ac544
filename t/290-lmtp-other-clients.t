# What other clients get wrong.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

sub deliver {
    my ($lmtp, $text, @to) = @_;
    $lmtp->mail('a@x');
    $lmtp->to($_) for @to;
    return $lmtp->data($text);
}

# One reply read after the dot, the rest taken for answers to the next commands.
{
    my ($lmtp, $server) = session(MAIL => '251 mail', RCPT => '252 rcpt', RSET => '253 rset', QUIT => '221 bye',
        final => [ '250 one', '550 two', '450 three' ]);
    for my $n (1 .. 5) {
        ok(!deliver($lmtp, "message $n\n", 'b@x', 'c@x', 'd@x'), "message $n, three recipients");
        is_deeply([ map { $_->code } $lmtp->data_results ], [ 250, 550, 450 ], '... three replies');
        ok($lmtp->reset, '... reset');
        is($lmtp->code, 253, '... has its own reply');
        ok($lmtp->mail('a@x'), '... MAIL');
        is($lmtp->code, 251, '... too');
        ok($lmtp->to('b@x'), '... RCPT');
        is($lmtp->code, 252, '... too');
    }
    ok($lmtp->_QUIT, 'QUIT');
    is($lmtp->code, 221, '... too');
}

# Results by address, so that equal recipients lose one.
{
    my ($lmtp) = session(RCPT => [ '250 ok', '250 ok', '550 no', '250 ok' ], final => [ '250 one', '450 two', '552 three' ]);
    ok(!deliver($lmtp, "x\n", ('b@x') x 4), 'the same recipient four times');
    is_deeply([ shown($lmtp->results) ], [
        'b@x success 250 final', 'b@x deferral 450 final', 'b@x failure 550 rcpt', 'b@x failure 552 final'
    ], '... four results');
}

# Recipients kept from the message before.
{
    my ($lmtp) = session();
    deliver($lmtp, "x\n", 'b@x', 'c@x');
    ok(deliver($lmtp, "y\n", 'd@x'), 'the next message');
    is_deeply([ map { $_->recipient } $lmtp->results ], ['d@x'], '... has its own recipient alone');
    $lmtp->mail('a@x');
    $lmtp->to('e@x');
    $lmtp->reset;
    ok(deliver($lmtp, "z\n", 'f@x'), 'a message after RSET');
    is_deeply([ map { $_->recipient } $lmtp->results ], ['f@x'], '... too');
}

# All answers thrown away when the link dies half-way; all recipients given the last code.
{
    my ($lmtp) = script(
        expect => qr/^MAIL/, reply => '250 ok', (expect => qr/^RCPT/, reply => '250 ok') x 4,
        expect => 'DATA', reply => '354 go', data => undef, reply => [ '250 b', '550 c' ], close => undef);
    ok(!deliver($lmtp, "x\n", map { "$_\@x" } 'b' .. 'e'), 'the link dies half-way through the final replies');
    is_deeply([ shown($lmtp->results) ], [
        'b@x success 250 final', 'c@x failure 550 final', 'd@x deferral 421 final maybe', 'e@x deferral 421 final maybe'
    ], '... each has its own');
}

# A line cut at NUL.
{
    my ($lmtp, $server) = session();
    ok(deliver($lmtp, "before\0after\n\0\n", 'b@x'), 'NUL in a body');
    like(wire($server), qr/DATA\r\nbefore\0after\r\n\0\r\n\.\r\n\z/, '... goes out');
}

# Dots doubled inside BDAT.
{
    my ($lmtp, $server) = session(keywords => [qw(8BITMIME BINARYMIME CHUNKING)]);
    $lmtp->mail('a@x', Bits => 'binary');
    $lmtp->to('b@x');
    ok($lmtp->bdatlast(".a\r\n..b\r\n"), 'dots inside BDAT');
    like(wire($server), qr/BDAT 9 LAST\r\n\.a\r\n\.\.b\r\n\z/, '... are left alone');
}

# A short write before the dot: through a small buffer the content goes out in many pieces, and the dot must
# be behind the last of them.
{
    my $size = 24 * 1024 * 1024;
    my ($lmtp, $server) = session({ server => { rcvbuf => 4096 } });
    ok(deliver($lmtp, ('x' x ($size - 1)) . "\n", 'b@x'), 'a large message through a small buffer');
    my $sent = wire($server);
    is(length $sent, length("MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\n") + $size + 1 + 3, '... every byte');
    is(substr($sent, -6), "x\r\n.\r\n", '... and the dot behind them');
}

done_testing;
