# tied_fh and datafh: a handle to print a message to, or to read a list from.

use strict;
use warnings;
use feature 'say';

use Test::More;

use lib 't/lib';
use LMTPTest;

my $envelope = "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\n";

my %handle = (
    'datafh'            => sub { $_[0]->datafh },
    'data, tied_fh'     => sub { $_[0]->data or return; $_[0]->tied_fh },
    '_DATA, tied_fh'    => sub { $_[0]->_DATA or return; $_[0]->tied_fh },
);

for my $way (sort keys %handle) {
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    my $fh = $handle{$way}->($lmtp);
    ok($fh, $way);
    isnt($fh, $lmtp, '... is a handle of its own');
    ok((print {$fh} "Subject: ", 'x', "\n", "\n"), '... print with a list');
    ok((printf {$fh} "%s-%03d\n", 'line', 7), '... printf');
    ok((say {$fh} 'a', 'b'), '... say');
    is(syswrite($fh, "written\n"), 8, '... syswrite');
    is(syswrite($fh, "xxpartxx", 4, 2), 4, '... syswrite with length and offset');
    ok((print {$fh} "\n.dot\n"), '... a dot');
    ok(close($fh), '... close: the message is accepted');
    is(wire($server), "${envelope}Subject: x\r\n\r\nline-007\r\nab\r\nwritten\r\npart\r\n..dot\r\n.\r\n", '... on the wire');
    ok($lmtp->opened, '... the link stays');
    ok($lmtp->_NOOP, '... in step');
    is_deeply([ shown($lmtp->data_results) ], ['b@x success 250 final'], '... data_results');
}

for my $way (sort keys %handle) {
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    my $fh = $handle{$way}->($lmtp);
    ok(close($fh), "$way: close of an empty message");
    is(wire($server), "$envelope.\r\n", '... sends the dot');
    ok($lmtp->_NOOP, '... in step');
}

{
    my ($lmtp, $server) = session(final => [ '250 one', '550 two', '250 three' ]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    my $fh = $lmtp->datafh;
    print {$fh} "x\n";
    ok(!close($fh), 'close is false when a recipient was refused');
    ok(!close($fh), '... the second time, too');
    is($lmtp->code, 550, '... with the code');
    is_deeply([ shown($lmtp->data_results) ], [ 'b@x success 250 final', 'c@x failure 550 final' ], '... data_results');
    $lmtp->mail('a@x');
    $lmtp->to('d@x');
    $lmtp->data;
    print {$fh} "y\n";
    ok(close($fh), '... but the next message has its own');
}

{
    my ($lmtp, $server) = session(DATA => '503 no');
    $lmtp->mail('a@x');
    my @got = $lmtp->datafh;
    is($got[0], undef, 'datafh is undef when DATA is refused');
    is($lmtp->code, 503, '... code');
}

{
    local ($,, $\) = ('-', "!\n");
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    my $fh = $lmtp->datafh;
    print {$fh} 'a', 'b';
    close $fh;
    is(wire($server), "${envelope}a-b!\r\n.\r\n", 'print minds $, and $\\');
}

{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    my $fh = $lmtp->datafh;
    ok((print {$fh} '0'), 'print of a false string');
    is(syswrite($fh, ''), 0, 'syswrite of nothing');
    ok((print {$fh} ''), 'print of nothing');
    ok(!eval { print {$fh} "\x{2603}"; 1 }, 'print of a wide character croaks');
    $lmtp->datasend("\ndirect\n");
    print {$fh} "again\n";
    ok(close($fh), 'close');
    is(wire($server), "${envelope}0\r\ndirect\r\nagain\r\n.\r\n", 'print and datasend in turn');
}

# Reading: up to a lone dot.
{
    my ($lmtp) = script(expect => 'HELP', send => "one\r\n..two\r\nthree\r\n.\r\n", expect => 'NOOP', reply => '250 ok');
    $lmtp->command('HELP');
    my $fh = $lmtp->tied_fh;
    is(scalar <$fh>, "one\n", 'tied_fh: a line');
    my $second = <$fh>;
    like($second, qr/^\.{1,2}two\n\z/, '... another');
    is(scalar <$fh>, "three\n", '... another');
    is(scalar <$fh>, undef, '... the end at the dot');
    ok($lmtp->_NOOP, '... in step');
}

{
    my ($lmtp) = script(expect => 'HELP', send => "one\r\ntwo\r\n.\r\n", expect => 'NOOP', reply => '250 ok');
    $lmtp->command('HELP');
    my $fh = $lmtp->tied_fh;
    my $text = '';
    for (1 .. 20) { read($fh, my $piece, 3) or last; $text .= $piece }
    is($text, "one\ntwo\n", 'tied_fh: read in pieces, to the dot');
    ok($lmtp->_NOOP, '... in step');
}

# Every line at once, byte by byte, and what else handles are asked.
{
    my ($lmtp) = script((expect => 'HELP', send => "one\r\n..two\r\n.\r\n") x 2, expect => 'NOOP', reply => '250 ok');
    $lmtp->command('HELP');
    my $fh = $lmtp->tied_fh;
    is(fileno $fh, fileno $lmtp, 'tied_fh: fileno');
    ok(binmode($fh), '... binmode');
    my @lines = <$fh>;
    is_deeply(\@lines, [ "one\n", ".two\n" ], '... all lines');
    ok(eof($fh), '... and the end');
    $lmtp->command('HELP');
    $fh = $lmtp->tied_fh;
    my $text = '';
    while (defined(my $byte = getc $fh)) { $text .= $byte }
    is($text, "one\n.two\n", '... byte by byte');
    ok($lmtp->_NOOP, '... in step');
}

# The handle keeps the object alive, and does not hang on to it.
{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    my $fh = $lmtp->datafh;
    undef $lmtp;
    ok((print {$fh} "x\n"), 'the object goes out of scope before its handle');
    ok(close($fh), '... close');
    undef $fh;
    ok($server->await('eof'), '... and then the link is closed');
    is(wire($server), "${envelope}x\r\n.\r\n", '... on the wire');
}

# As with every IO::Socket.
{
    my ($lmtp, $server) = session();
    print {$lmtp} "NOOP\r\n";
    is($lmtp->response, 2, 'print on the object is sent at once');
}

done_testing;
