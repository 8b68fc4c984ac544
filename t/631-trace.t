# Trace: what is said, to code or a handle, by every call and on both classes.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

my @expected = (
    '< 220 server.example LMTP ready', '> LHLO client.example', '< 250-server.example', '< 250 PIPELINING',
    '> MAIL FROM:<a@x>', '< 250 ok', '> RCPT TO:<b@x>', '< 250 ok', '> DATA', '< 354 go on', '> Subject: x', '> ', '> .dot', '> .', '< 250 one',
    '> MAIL FROM:<c@x>', '> RCPT TO:<d@x>', '> DATA', '< 250 ok', '< 250 ok', '< 354 go on', '> (3 bytes of content)', '> .', '> LHLO client.example',
    '< 250 one', '< 250-server.example', '< 250 PIPELINING',
    '> AUTH PLAIN (hidden)', '< 535 (hidden)', '> QUIT', '< 221 (hidden)',
);

sub speak {
    my ($lmtp) = @_;
    $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("Subject: x\n\n.dot\n");
    $lmtp->deliver(From => 'c@x', To => ['d@x'], Data => "x\r\n");
    $lmtp->_AUTH('PLAIN', 'c2VjcmV0');
    $lmtp->quit;
    return;
}

my @answers = (keywords => ['PIPELINING'], final => ['250 one'], AUTH => '535 no');

{
    my (@seen, @ends);
    my $code = sub {
        my ($direction, $line) = @_;
        push @ends, chop $line;
        push @seen, "$direction $line";
    };
    my $shown = stderr_of { speak((session({ Trace => $code }, @answers))[0]) };
    is_deeply(\@seen, \@expected, 'code sees each line');
    is_deeply([ grep { $_ ne "\n" } @ends ], [], '... with its end');
    is($shown, '', '... and STDERR does not');
    @seen = ();
    $shown = stderr_of { speak((session({ Trace => $code, Debug => 1 }, @answers))[0]) };
    is_deeply(\@seen, \@expected, 'with Debug both do');
    is(() = $shown =~ /(?:>>>|<<<)/g, @expected, '... as many lines');
    unlike("@seen $shown", qr/c2VjcmV0|secret/, 'no secret is seen');
}

{
    my $file = File::Temp->new;
    local ($,, $\) = ('-', '+');
    speak((session({ Trace => $file }, @answers))[0]);
    seek $file, 0, 0;
    is_deeply([ map { chomp; s/^(.)\1\1/$1/; $_ } <$file> ], \@expected, 'a handle is printed to');
}

# --- what is refused here ---

# What the server has got behind its LHLO, as lines; content as datasend was given it.
sub got {
    my ($server) = @_;
    return map { s/^\.(?=.)//; $_ } split /\r\n/, wire($server), -1;
}

# The lines shown as sent behind LHLO.
sub sent_by_debug { return map { s/^\S*?>>> // ? do { s/\r\z//; $_ } : () } split /\n/, $_[0] }

my $mail = sub { $_[0]->mail('a@x') };
my $rcpt = sub { $_[0]->mail('a@x') && $_[0]->to('b@x') };
my $open = sub { $rcpt->(@_) && $_[0]->data };

# A line, as it would be shown, that is not sent: name, what the server says, calls.
my @refused = (
    [ 'CR in a command', [], sub { $_[0]->command("NOOP\rx")->response } ],
    [ 'a line too long', [], sub { $_[0]->command('NOOP ' . 'x' x 20_000)->response } ],
    [ 'LF in a RCPT', [], sub { $_[0]->_MAIL('FROM:<a@x>') && $_[0]->_RCPT("TO:<b\n\@x>") } ],
    [ 'BDAT without a size', [], sub { $rcpt->(@_); $_[0]->command('BDAT')->response } ],
    [ 'BDAT without a MAIL', [], sub { $_[0]->command('BDAT 2 LAST')->response } ],
    [ 'BDAT whose recipients are refused', [ RCPT => '550 no' ], sub { $rcpt->(@_); $_[0]->_BDAT(2, 'LAST'); $_[0]->rawdatasend('hi'); $_[0]->response } ],
    [ 'BDAT behind a refused chunk', [ BDAT => '552 no' ], sub { $rcpt->(@_); $_[0]->_BDAT(2); $_[0]->rawdatasend('hi'); $_[0]->response; $_[0]->_BDAT(2, 'LAST') } ],
    [ 'more than BDAT announced', [], sub { $rcpt->(@_); $_[0]->_BDAT(2, 'LAST'); $_[0]->rawdatasend('high') } ],
    [ 'BDAT behind LHLO', [], sub { $rcpt->(@_); $_[0]->hello('me'); $_[0]->bdat('x') } ],
    [ 'DATA behind LHLO', [], sub { $rcpt->(@_); $_[0]->hello('me'); $_[0]->data } ],
    [ 'STARTTLS inside a transaction', [ STARTTLS => '220 go' ], sub { $mail->(@_); $_[0]->command('STARTTLS')->response } ],
    [ 'MAIL behind STARTTLS', [ STARTTLS => '220 go' ], sub { $_[0]->_STARTTLS; $_[0]->_MAIL('FROM:<a@x>'); $_[0]->_RCPT('TO:<b@x>') } ],
    [ 'a command behind AUTH', [], sub { $_[0]->command('AUTH', 'EXTERNAL', '='); $_[0]->command('NOOP'); $_[0]->response for 1, 2 } ],
    [ 'AUTH inside a transaction', [], sub { $mail->(@_); $_[0]->command('AUTH', 'PLAIN', 'c2VjcmV0')->response } ],
    [ 'datasend without DATA', [], sub { $mail->(@_); $_[0]->datasend("hi\n"); $_[0]->dataend } ],
    [ 'datasend behind a refused DATA', [ DATA => '451 no' ], sub { $open->(@_); $_[0]->datasend("hi\n"); $_[0]->rawdatasend("hi\r\n"); $_[0]->dataend } ],
    [ 'MAIL in the face of bytes that nobody asked for', [ NOOP => "250 ok\r\n250 more" ], sub { $_[0]->_NOOP; $mail->(@_) } ],
    [ 'commands on a broken link', [ NOOP => "250 ok\r\n250 more" ], sub { $_[0]->_NOOP; $mail->(@_); $_[0]->to('b@x'); $_[0]->_NOOP } ],
    [ 'commands behind 421', [ NOOP => '421 bye' ], sub { $_[0]->_NOOP; $_[0]->_NOOP; $open->(@_); $_[0]->_QUIT } ],
    [ 'commands on a closed object', [], sub { $_[0]->close; $_[0]->_NOOP; $mail->(@_); $_[0]->datasend('x'); $_[0]->dataend } ],
    [ 'RSET inside content', [], sub { $open->(@_); $_[0]->datasend("hi\n"); $_[0]->flush; $_[0]->reset; $_[0]->_NOOP } ],
    [ 'content that is lost at the server\'s 421', [ DATA => "354 go\r\n421 bye" ], sub { $open->(@_); $_[0]->datasend("hi\n"); $_[0]->dataend } ],
    [ 'content that is sent whole', [], sub { $open->(@_); $_[0]->datasend("hi\n.you\n"); $_[0]->rawdatasend("raw\r\n"); $_[0]->dataend } ],
    [ 'much content', [], sub { $open->(@_); $_[0]->datasend(('x' x 70 . "\n") x 3_000, 'y' x 200_000); $_[0]->dataend } ],
    [ 'raw commands', [], sub { $_[0]->rawdatasend("NOOP\r\nNOOP"); $_[0]->rawdatasend("\r\n"); $_[0]->response for 1, 2 } ],
);

# Raw parts of a line are shown as they go; content that closes early has no last line end.
sub joined { return join '', map { my $line = $_; $line =~ s/AUTH EXTERNAL .*/AUTH EXTERNAL (hidden)/; $line } @_ }

for (@refused) {
    my ($name, $says, $calls) = @$_;
    my @traced;
    my ($lmtp, $server) = session({ Trace => sub { push @traced, $_[1] if $_[0] eq '>' } }, keywords => [qw(CHUNKING STARTTLS AUTH)], @$says);
    my $shown = stderr_of {
        $lmtp->debug(1);
        warnings_of { $calls->($lmtp) };
        $lmtp->debug(0);
    };
    $lmtp->close;
    shift @traced;
    chomp @traced;
    s/\r\z// for @traced;
    my $got = joined(got($server));
    ok(joined(@traced) eq $got, "$name: Trace shows what the server has got")
        or diag(explain({ shown => [ map { substr $_, 0, 80 } @traced ], got => substr $got, 0, 200 }));
    ok(joined(sent_by_debug($shown)) eq $got, '... and Debug') or diag(substr $shown, 0, 500);
    unlike("$shown@traced", qr/c2VjcmV0/, '... no secret');
}

# The server's word comes before the message's end.
for (
    [ '250 early', [qw(hi)], 'the end of content to which the server has said yes' ],
    [ '421 bye',   [qw(hi)], '... has said 421 to' ],
    [ '552 no', [qw(hi .)], '... has refused' ],
) {
    my ($reply, $lines, $name) = @$_;
    my @traced;
    my ($lmtp, $server) = script({ Trace => sub { push @traced, "$_[0]$_[1]" } },
        @mail, @rcpt, @data, expect => 'hi', reply => $reply, mark => 'said');
    $open->($lmtp);
    $lmtp->datasend("hi\n");
    $lmtp->flush;
    $server->await('said');
    ok(!$lmtp->dataend, "$name: false");
    my ($shown) = join('', @traced) =~ /<354 go\n(.*)/s;
    is_deeply([ $shown =~ /^>(.*)/mg ], $lines, '... what was sent is shown, and no more');
    $server->problems;
}

# --- code that does what it likes ---

{
    my $lmtp;
    my $code = sub { die "no more\n" if $_[1] =~ /MAIL|354/ };
    ($lmtp) = session({ Trace => $code }, @answers);
    ok(!eval { $lmtp->mail('a@x'); 1 }, 'what the code dies of');
    is($@, "no more\n", '... comes out of mail');
    ok(!eval { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => ''); 1 }, '... out of deliver');
    is($@, "no more\n", '... as it was');
    is_deeply([ map { $_->is_success ? 1 : 0 } $lmtp->results ], [0], '... and nobody has the message');
    my ($again, $refusal);
    ($lmtp) = session({ Trace => sub { eval { $again->mail('x@x') } if $again; $refusal = $@ if $@ } }, @answers);
    $again = $lmtp;
    ok($lmtp->mail('a@x'), 'code that calls the object');
    like($refusal, qr/another call|under way|called from/i, '... croaks in it');
    undef $again;
}

for my $bad ('STDERR', {}, \1, '') {
    my ($port, $held) = ScriptedServer->refusing_port;
    is(Net::LMTP->new('127.0.0.1', $port, Trace => $bad), undef, 'no Trace: new fails');
    like($@, qr/\ANet::LMTP: Trace must be a reference to code or an open handle/, '... why');
    is(Net::QMTP->new('127.0.0.1', Port => $port, Trace => $bad), undef, '... the same for Net::QMTP');
    like($@, qr/Trace must be a reference to code or an open handle/, '... why');
}

# --- Net::QMTP ---

{
    my @seen;
    my $server = QMTPServer->new([ 'Kok', 'Dno' ], ['Zlater']);
    my $qmtp = QMTPServer::client($server, Trace => sub { push @seen, "$_[0] $_[1]" });
    $qmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n");
    $qmtp->sender('a@x');
    $qmtp->recipient('d@x');
    $qmtp->message("x\n");
    $qmtp->send;
    $qmtp->disconnect;
    is_deeply(\@seen, [
        "> 3:(2 bytes of content),3:a\@x,12:3:b\@x,3:c\@x,,\n", "< 3:Kok,\n", "< 3:Dno,\n",
        "> 3:(2 bytes of content),3:a\@x,6:3:d\@x,,\n", "< 6:Zlater,\n",
    ], 'Net::QMTP: packages and answers') or diag(@seen);
}

{
    my @seen;
    my $server = QMTPServer->new(['Kone'], ['Ktwo'], ['Kthree']);
    my $qmtp = QMTPServer::client($server, Trace => sub { push @seen, "$_[0] $_[1]" });
    $qmtp->submit(From => "$_\@x", To => ["$_\@y"], Data => $_ x 3) for 'a' .. 'c';
    1 while $qmtp->collect;
    is_deeply([ grep {/^>/} @seen ], [ map {"> 4:(3 bytes of content),3:$_\@x,6:3:$_\@y,,\n"} 'a' .. 'c' ], '... of submit');
    is_deeply([ grep {/^</} @seen ], [ "< 4:Kone,\n", "< 4:Ktwo,\n", "< 6:Kthree,\n" ], '... its answers');
    my $odd = QMTPServer->new(['Xwhat']);
    my $lost = QMTPServer::client($odd, Trace => sub { push @seen, "$_[0] $_[1]" });
    @seen = ();
    $lost->deliver(From => 'a@x', To => ['b@x'], Data => 'x');
    is_deeply(\@seen, [ "> 2:(1 bytes of content),3:a\@x,6:3:b\@x,,\n", "< 5:Xwhat,\n" ], '... what costs the link');
    my $other = QMTPServer->new(['Kok']);
    my $dies = QMTPServer::client($other, Trace => sub { die "no more\n" if $_[0] eq '<' });
    ok(!eval { $dies->sender('a@x'); $dies->recipient('b@x'); $dies->message('x'); $dies->send; 1 }, '... code that dies');
    is($@, "no more\n", '... as it was');
    is_deeply([ map { $_->status } $dies->results ], ['success'], '... and the answer stands');
    my $third = QMTPServer->new(['Kok']);
    my $once = 1;
    $dies = QMTPServer::client($third, Trace => sub { die "no more\n" if $_[0] eq '<' && $once-- > 0 });
    $dies->submit(From => 'a@x', To => ['b@x'], Data => 'x');
    ok(!eval { $dies->collect; 1 }, '... in collect');
    is_deeply([ map { $_->status } $dies->collect->results ], ['success'], '... which has it the next time');
}

done_testing;
