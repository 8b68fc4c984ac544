# Replies that a caller has not read are read before those to the message's end: none of them is taken for one.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

my %end = (
    dataend  => sub { $_[0]->data && $_[0]->datasend("x\n") && $_[0]->dataend },
    bdatlast => sub { $_[0]->bdatlast("x\r\n") },
);

for my $way (sort keys %end) {
    for my $final ('250 saved', '550 no') {
        my ($lmtp) = session(keywords => ['CHUNKING'], RCPT => [ '250 ok', '250 ok' ], final => [ $final, $final ]);
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        $lmtp->command('RCPT', 'TO:<c@x>');
        if ($way eq 'dataend') { is($lmtp->response, 2, 'dataend: RCPT by hand') }
        is(!!$end{$way}->($lmtp), $final =~ /^2/ ? !!1 : !!0, "$way behind an unread RCPT, $final");
        is_deeply([ map { $_->recipient . ' ' . $_->code } $lmtp->data_results ],
            [ map { "$_ " . substr $final, 0, 3 } 'b@x', 'c@x' ], '... each has its own reply');
        ok($lmtp->_NOOP, '... and the link is in step');
    }
}

# ---- a reply to something else is owed

my %before = (
    'NOOP'                   => sub { $_[0]->command('NOOP') },
    'two of them'            => sub { $_[0]->command('NOOP') for 1, 2 },
    'a command refused here' => sub { $_[0]->command("NOOP\nX") },
);
for my $name (sort keys %before) {
    for my $final ('250 saved', '550 no') {
        my $told = $final =~ /^2/ ? !!1 : !!0;
        my ($lmtp, $server) = session(keywords => ['CHUNKING'], final => [$final]);
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        $before{$name}->($lmtp);
        is(!!$lmtp->bdatlast("x\r\n"), $told, "bdatlast behind $name, $final");
        is_deeply([ shown($lmtp->results) ], [ $told ? 'b@x success 250 final' : 'b@x failure 550 final' ], '... is about the message');
        like(wire($server), qr/^BDAT 3 LAST\r\nx\r\n\z/m, '... which was sent');
        ok($lmtp->_NOOP, '... and the link is in step');
    }
    my ($lmtp, $server) = session(keywords => ['CHUNKING'], BDAT => '250 chunk');
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $before{$name}->($lmtp);
    ok($lmtp->bdat("x\r\n"), "bdat behind $name");
    is_deeply([ $lmtp->message ], ["chunk\n"], '... has its own reply');
}

# A refusal among them is not DATA's.
for my $case (
    [ 'by hand' => sub { $_[0]->to('a@x'); $_[0]->command('RCPT TO:<no@x>'); $_[0]->command('DATA') } ],
    [ 'left over' => sub { $_[0]->to('a@x'); $_[0]->command('NOOP') for 1, 2; $_[0]->to('no@x'); ok(!$_[0]->data, 'data has another reply') } ],
    [ 'made here' => sub { $_[0]->command("NOOP\nX"); $_[0]->command('RCPT TO:<a@x>'); $_[0]->command('DATA') } ],
) {
    my ($name, $code) = @$case;
    my ($lmtp, $server) = session(RCPT => [ '250 ok', '550 no' ]);
    $lmtp->mail('s@x');
    $code->($lmtp);
    ok($lmtp->datasend("Subject: x\n"), "datasend behind a refusal $name");
    ok($lmtp->dataend, '... dataend');
    like(wire($server), qr/^DATA\r\nSubject: x\r\n\.\r\n\z/m, '... the message is sent');
    is(($lmtp->results)[0]->code, 250, '... and delivered');
}

# Content that could not be sent, as a line that is no reply stood in front of DATA's: the message is not ended without it.
{
    my ($lmtp, $server) = script(expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok',
        expect => 'DATA', reply => [ 'hm', '354 go on' ]);
    $lmtp->mail('s@x');
    $lmtp->to('a@x');
    ok(!$lmtp->data, 'a line that is no reply in front of 354');
    ok(!$lmtp->datasend("Subject: x\n"), '... datasend');
    is($lmtp->getline, "hm\n", '... is read by hand');
    ok(!$lmtp->dataend, '... dataend is false');
    ok($server->await('eof'), '... the link is closed');
    unlike(wire($server), qr/^\.\r/m, '... and no end was sent');
}

# A command in the middle of the message ends it; what comes behind has no place, and is no success.
{
    my ($lmtp, $server) = session();
    $lmtp->mail('s@x');
    $lmtp->to('a@x');
    ok($lmtp->data, 'data');
    ok($lmtp->datasend("one\n"), '... datasend');
    ok($lmtp->_NOOP, '... another command');
    ok(!$lmtp->datasend("two\n"), '... datasend behind it');
    ok(!$lmtp->dataend, '... dataend');
    ok($lmtp->dataend, '... with nothing sent in between it is true');
    like(wire($server), qr/^DATA\r\none\r\n\.\r\nNOOP\r\n\z/m, '... the message is what was there');
}

# The same by rawdatasend, which reads DATA's reply as well.
{
    my ($lmtp, $server) = session();
    $lmtp->mail('s@x');
    $lmtp->to('a@x');
    $lmtp->command('DATA');
    ok($lmtp->rawdatasend("Subject: x\r\n"), 'rawdatasend behind an unread 354');
    ok($lmtp->dataend, '... dataend');
    like(wire($server), qr/^DATA\r\nSubject: x\r\n\.\r\n\z/m, '... the message is sent');
}

# A reply read by hand leaves nothing owed: what comes then is seen before a message is begun.
for my $case ([ MAIL => sub { $_[0]->mail('s@x') } ], [ RSET => sub { $_[0]->reset } ]) {
    my ($name, $call) = @$case;
    my ($lmtp, $server) = script(expect => 'NOOP', reply => '250 ok', stall => 'read', reply => '250 stray', mark => 'strayed');
    $lmtp->command('NOOP');
    is($lmtp->getline, "250 ok\n", 'a reply by getline');
    $server->release;
    $server->await('strayed');
    ok(!$call->($lmtp), "... $name behind a stray one");
    like($lmtp->message, qr/no command asked for/, '... says why');
}

# The same inside a transaction, behind each command: the next one's reply would be taken for another's, and a recipient have it.
{
    my @envelope = ([ qr/^MAIL/ => sub { $_[0]->mail('s@x') } ], [ qr/^RCPT/ => sub { $_[0]->to('a@x') } ]);
    for my $case (
        [ 'RCPT'        => $envelope[1],                                                  $envelope[0] ],
        [ 'BDAT LAST'   => [ qr/^BDAT/ => sub { $_[0]->bdatlast("x\r\n") } ],             @envelope ],
        [ 'DATA'        => [ qr/^DATA/ => sub { $_[0]->data("x\n") } ],                   @envelope ],
        [ 'RSET'        => [ qr/^RSET/ => sub { $_[0]->reset } ],                         @envelope ],
    ) {
        my ($name, $last, @before) = @$case;
        my ($lmtp, $server) = script({ keywords => ['CHUNKING'] }, (map { (expect => $_->[0], reply => '250 ok') } @before),
            stall => 'asked', reply => '250 stray', mark => 'strayed', expect => $last->[0], reply => '550 no');
        ok($_->[1]->($lmtp), "in front of $name: so far") for @before;
        $server->release;
        $server->await('strayed');
        ok(!$last->[1]->($lmtp), "... $name behind a stray reply");
        like($lmtp->message, qr/no command asked for/, '... says why');
        is_deeply([ grep { $_->is_success } $lmtp->results ], [], '... nobody has it');
    }
}

# ---- deliveries

# Lines that are taken by hand are nobody's reply.
for my $code (sub { $_[0]->getline }, sub { $_[0]->response; $_[0]->getline }) {
    my ($lmtp) = script({ keywords => ['PIPELINING'], Timeout => 5 }, expect => 'XFOO', reply => 'hm',
        map { (expect => qr/^MAIL/, expect => qr/^RCPT/, expect => 'DATA', reply => [ '250 ok', '250 ok', '354 go' ], data => undef, reply => '250 done',
            $_ == 1 ? (expect => qr/^LHLO/, reply => [ '250-server.example', '250 PIPELINING' ]) : ()) } 1 .. 2);
    $lmtp->command('XFOO');
    $code->($lmtp);
    for my $n (1, 2) {
        is_deeply([ shown($lmtp->deliver(From => 's@x', To => ['a@x'], Data => sub { undef })) ], ['a@x success 250 final'],
            "delivery $n behind lines read by hand");
    }
}

# RSET's reply.
{
    my ($lmtp) = session();
    $lmtp->mail('s@x');
    $lmtp->command('RSET');
    is_deeply([ shown($lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n")) ], ['a@x success 250 final'], 'a delivery behind an unread RSET');
}

for my $name (sort keys %before) {
    for my $way (qw(deliver submit)) {
        my ($lmtp) = session(keywords => ['PIPELINING']);
        $before{$name}->($lmtp);
        my @message = (From => 's@x', To => ['a@x'], Data => "x\n");
        my @results = $way eq 'deliver' ? $lmtp->deliver(@message) : $lmtp->submit(@message) && $lmtp->collect->results;
        is_deeply([ shown(@results) ], ['a@x success 250 final'], "$way behind $name");
        is($lmtp->in_flight, 0, '... nothing is left');
        ok($lmtp->quit, '... quit');
    }
}

# One that does not come: nothing could be told from it.
for my $blocking (0, 1) {
    my ($lmtp, $server) = script({ Blocking => $blocking }, expect => 'NOOP', stall => undef);
    $lmtp->timeout(0.2);
    ok(!$lmtp->_NOOP, 'a reply that is late');
    $lmtp->submit(From => 's@x', To => ['a@x'], Data => "x\n");
    is_deeply([ shown($lmtp->collect->results) ], ['a@x deferral 421 connect'], '... a delivery is not made');
    ok(!$lmtp->opened, '... and the link is closed');
    is(wire($server), "NOOP\r\n", '... nothing was sent');
}

# A line that is no reply.
for my $verb (qw(MAIL RCPT DATA)) {
    my ($lmtp) = session($verb => 'hm');
    $lmtp->mail('s@x') and $lmtp->to('a@x') and $lmtp->data;
    is_deeply([ shown($lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n")) ], ['a@x deferral 421 connect'],
        "a delivery behind a line that is no reply to $verb");
}

# Nothing is a success on a link that is of no use any more.
for my $final ('hm', '354 go on') {
    my ($lmtp) = session(final => [$final]);
    for my $n (1, 2) {
        $lmtp->mail('s@x');
        $lmtp->to('a@x');
        $lmtp->data;
        $lmtp->datasend("x\n");
        ok(!$lmtp->dataend, "dataend of message $n, where the first one's final reply is '$final'");
    }
}

done_testing;
