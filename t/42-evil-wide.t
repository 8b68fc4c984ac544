# Characters that are no octets.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my $envelope = "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\n";

sub open_data {
    my ($lmtp) = @_;
    return $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data;
}

for my $case (
    [ 'one string',             "snow \x{2603}\n" ],
    [ 'behind a good piece',    "good\n", "\x{2603}\n" ],
    [ 'in front of a good one', "\x{2603}\n", "good\n" ],
    [ 'in a reference',         [ "good\n", "\x{2603}\n" ] ],
    [ 'just above a byte',      "\x{100}\n" ],
) {
    my ($name, @pieces) = @$case;
    my ($lmtp, $server) = session();
    open_data($lmtp);
    ok($lmtp->datasend("before\n"), "datasend of a wide character, $name");
    ok(!eval { $lmtp->datasend(@pieces); 1 }, '... croaks');
    like($@, qr/wide/i, '... says why');
    like($@, qr/\Q@{[ __FILE__ ]}\E line/, '... at the line of the caller');
    ok($lmtp->datasend("after\n"), '... the data stays open');
    ok($lmtp->dataend, '... and can be ended');
    is(wire($server), "${envelope}before\r\nafter\r\n.\r\n", '... with nothing of it sent');
}

{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok(!eval { $lmtp->data("\x{2603}\n"); 1 }, 'data of a wide character croaks');
    $lmtp->close;
    unlike(wire($server), qr/^\.\r$/m, '... and delivers nothing');
}

{
    my ($lmtp, $server) = session(keywords => [qw(8BITMIME BINARYMIME CHUNKING)]);
    $lmtp->mail('a@x', Bits => 'binary');
    $lmtp->to('b@x');
    my $sent = wire($server);
    for my $method (qw(bdat bdatlast)) {
        ok(!eval { $lmtp->$method("\x{2603}") }, "$method of a wide character is no success");
        is(wire($server), $sent, '... nothing sent');
    }
    my $bytes = "\xe9\r\n";
    utf8::upgrade($bytes);
    ok($lmtp->bdatlast($bytes), 'bdatlast of text flagged as utf8');
    is(wire($server), "${sent}BDAT 3 LAST\r\n\xe9\r\n", '... sends its bytes, and counts them');
}

{
    my ($lmtp, $server) = session();
    open_data($lmtp);
    ok(!eval { $lmtp->rawdatasend("\x{2603}"); 1 }, 'rawdatasend of a wide character croaks');
    ok($lmtp->dataend, '... the data can be ended');
    is(wire($server), "$envelope.\r\n", '... nothing of it sent');
}

# Addresses are octets; one with characters above 0xFF is encoded as UTF-8.
for my $case (
    [ 'octets',                    "\xc3\xa9\@x",  "\xc3\xa9\@x" ],
    [ 'octets, flagged as utf8',   do { my $text = "\xc3\xa9\@x"; utf8::upgrade($text); $text }, "\xc3\xa9\@x" ],
    [ 'characters above 0xFF',     "\x{2603}\@x",  "\xe2\x98\x83\@x" ],
) {
    my ($name, $address, $sent) = @$case;
    my ($lmtp, $server) = session(keywords => ['SMTPUTF8']);
    my $made = eval { $lmtp->mail($address) && $lmtp->to($address) };
    ok($made, "an address of $name");
    is(wire($server), "MAIL FROM:<$sent>\r\nRCPT TO:<$sent>\r\n", '... on the wire');
}

# SMTPUTF8 asks for UTF-8 (RFC 6531 3.3).
{
    my ($lmtp, $server) = session(keywords => ['SMTPUTF8']);
    my @results = $lmtp->deliver(From => 'a@x', To => [ "\xe9\@x", "\xc3\xa9\@x" ], SMTPUTF8 => 1, Data => "x\n");
    is_deeply([ shown(@results) ], [ "\xe9\@x failure 553 rcpt", "\xc3\xa9\@x success 250 final" ], 'deliver to an address that is no UTF-8');
    like($results[0]->message, qr/not valid UTF-8/, '... says why');
    unlike(wire($server), qr/<\xe9\@x>/, '... and does not send it');
    like(wire($server), qr/^MAIL FROM:<a\@x> SMTPUTF8\r\nRCPT TO:<\xc3\xa9\@x>\r\n/, '... but what is UTF-8');
}

done_testing;
