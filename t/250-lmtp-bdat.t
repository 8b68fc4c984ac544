# BDAT (RFC 3030): bytes as they are, a reply a chunk, and one a recipient for the last.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Mail::Wire::Sink;

my @keywords = qw(8BITMIME BINARYMIME CHUNKING PIPELINING);
my $mail = "MAIL FROM:<a\@x> BODY=BINARYMIME\r\n";

sub begin {
    my ($lmtp, @to) = @_;
    $lmtp->mail('a@x', Bits => 'binary') or return;
    $lmtp->to(@to) if @to;
    return 1;
}

sub rcpt { return join '', map { "RCPT TO:<$_>\r\n" } @_ }

for my $case (
    [ 'dots are not doubled', "a\r\n.b\r\n.\r\n..\r\n" ],
    [ 'line ends stay',       "a\nb\rc\r\n" ],
    [ 'NUL and eight bits',   "\0\xff\0\r\n" ],
    [ 'an unfinished line',   'a' ],
    [ 'nothing',              '' ],
    [ 'a lone dot',           ".\r\n" ],
    [ 'large',                "line\r\n" x 300_000 ],
) {
    my ($name, $bytes) = @$case;
    my ($lmtp, $server) = session(keywords => \@keywords, final => [ '250 one', '450 two' ]);
    begin($lmtp, 'b@x', 'c@x');
    ok(!$lmtp->bdatlast($bytes), "bdatlast, $name: false, as the second recipient was refused");
    is($lmtp->code, 450, '... its code');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x deferral 450 final' ], '... data_results');
    ok(wire($server) eq $mail . rcpt(qw(b@x c@x)) . 'BDAT ' . length($bytes) . " LAST\r\n$bytes", '... the bytes as they are');
    ok($lmtp->_NOOP, '... the link is in step');
}

{
    my ($lmtp, $server) = session(keywords => \@keywords, BDAT => [ '250 one', '251 two' ], final => [ '252 three', '253 four' ]);
    begin($lmtp, 'b@x', 'c@x');
    ok($lmtp->bdat("a\r"), 'bdat');
    is($lmtp->code, 250, '... its reply');
    ok($lmtp->bdat("\n.\r\n"), 'another');
    is($lmtp->code, 251, '... its reply');
    ok($lmtp->bdatlast(''), 'bdatlast');
    is($lmtp->code, 252, '... its first reply');
    is($lmtp->response, 2, '... and the second, by response');
    is($lmtp->code, 253, '... its code');
    is(wire($server), $mail . rcpt(qw(b@x c@x)) . "BDAT 2\r\na\rBDAT 4\r\n\n.\r\nBDAT 0 LAST\r\n", '... on the wire');
    begin($lmtp, 'd@x');
    ok($lmtp->bdatlast("x\r\n"), 'the next message');
    is_deeply([ shown($lmtp->results) ], ['d@x success 252 final'], '... has its own results');
}

{
    my ($lmtp, $server) = session(keywords => \@keywords, BDAT => '552 5.3.4 too big', RCPT => [ '250 ok', '550 no', '250 ok' ]);
    begin($lmtp, 'b@x');
    $lmtp->to('c@x');
    $lmtp->to('d@x');
    ok(!$lmtp->bdat("x\r\n"), 'a chunk that is refused');
    is($lmtp->code, 552, '... its code');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x failure 552 body', 'd@x failure 552 body' ], '... is every accepted recipient\'s');
    is_deeply([ shown($lmtp->results) ], [ 'b@x failure 552 body', 'c@x failure 550 rcpt', 'd@x failure 552 body' ],
        '... and the refused one keeps its own');
    ok($lmtp->reset, 'reset');
    $lmtp->mail('a@x');
    $lmtp->to('e@x');
    ok($lmtp->data("y\n"), '... and the next message goes through');
}

{
    my ($lmtp, $server) = session(keywords => \@keywords, RCPT => '550 no', final => ['503 no valid recipients']);
    begin($lmtp);
    ok(!$lmtp->to('b@x'), 'the only recipient is refused');
    ok(!$lmtp->bdatlast("x\r\n"), 'bdatlast all the same');
    is($lmtp->code, 503, '... reads the one reply');
    is_deeply([ shown($lmtp->results) ], ['b@x failure 550 rcpt'], '... and the recipient keeps its own');
    ok($lmtp->reset, '... the link is in step');
}

{
    my ($lmtp, $server) = session(keywords => ['8BITMIME']);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    for my $method (qw(bdat bdatlast)) {
        my @warnings = warnings_of { ok(!$lmtp->$method("x\r\n"), "$method without CHUNKING") };
        like("@warnings", qr/CHUNKING/, '... is warned of');
        is(wire($server), "MAIL FROM:<a\@x>\r\n" . rcpt('b@x'), '... and sends nothing');
    }
}

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    begin($lmtp, 'b@x');
    my @warnings = warnings_of { ok(!$lmtp->data("x\n"), 'data in a binary message') };
    like("@warnings", qr/CHUNKING/, '... is warned of');
    is(wire($server), $mail . rcpt('b@x'), '... and sends nothing');
}

# By the underscore name, and by command: the reply is the caller's to read.
{
    my ($lmtp, $server) = session(keywords => \@keywords, final => [ '250 one', '450 two' ]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    is($lmtp->_BDAT(3), $lmtp, '_BDAT');
    ok($lmtp->rawdatasend("x\r\n"), '... its bytes');
    is($lmtp->response, 2, '... its reply');
    is($lmtp->command('BDAT', 3, 'LAST'), $lmtp, 'command BDAT LAST');
    ok($lmtp->rawdatasend("y\r\n"), '... its bytes');
    is($lmtp->response, 2, '... the first recipient\'s reply');
    is($lmtp->response, 4, '... the second\'s');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x deferral 450 final' ], '... data_results');
    ok($lmtp->_NOOP, '... the link is in step');
}

# --- BODY=BINARYMIME is a message's, and ends with it ---

for my $end (
    [ 'reset and a raw MAIL', sub { $_[0]->reset; $_[0]->_MAIL('FROM:<s@x>') } ],
    [ 'another mail',         sub { $_[0]->mail('s@x') } ],
    [ 'send',                 sub { $_[0]->send('s@x') } ],
) {
    my ($name, $begin) = @$end;
    my ($lmtp) = session(keywords => [qw(8BITMIME BINARYMIME CHUNKING)]);
    ok($lmtp->mail('s@x', Bits => 'binary'), "$name: a binary message before it");
    my @warnings = warnings_of { ok(!$lmtp->data, '... is not for data') };
    is(scalar(@warnings), 1, '... which says so');
    $begin->($lmtp);
    $lmtp->to('r@x');
    ok($lmtp->data("x\n"), "... then $name is for data");
}

# Raw commands: with the end sent, who has not been answered may have the message.
{
    my ($lmtp, $server) = script({ keywords => ['CHUNKING'] },
        expect => qr/^MAIL/, reply => '250 sender', expect => qr/^RCPT/, reply => '250 one', expect => qr/^RCPT/, reply => '250 two',
        expect => 'BDAT 4 LAST', bytes => 4, reply => '250 for b', reply => '250 for c');
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    $lmtp->_BDAT(4, 'LAST');
    is(($lmtp->results)[1]->maybe_delivered, 0, 'raw BDAT: its bytes are not sent');
    $lmtp->rawdatasend("hi\r\n");
    is($lmtp->response, 2, '... one reply is read');
    is(join('; ', map { $_->as_string } $lmtp->results),
        '<b@x>: success (final) 250 for b; <c@x>: deferral (final) 421 no reply yet (may have been delivered)', '... not the other');
    $lmtp->response;
    is(join('; ', map { $_->as_string } $lmtp->results), '<b@x>: success (final) 250 for b; <c@x>: success (final) 250 for c', '... now it is');
}

# A binary delivery announces the size of what comes in pieces, and changes no byte of it.
{
    my $sink = Mail::Wire::Sink->new(binarymime => 1);
    my $lmtp = Net::LMTP->new($sink->host, $sink->port, Hello => 'client.example') or die $@;
    my @pieces = ("one\n", ".\r\0", "two\r\n.\n", 'no end');
    my $whole = join '', @pieces;
    my @results = $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Bits => 'binary', Data => sub { shift @pieces });
    is(scalar(grep { $_->is_success } @results), 2, 'a binary delivery from code');
    is(($sink->messages)[0]{data}, $whole, '... every byte as it was');
}

done_testing;
