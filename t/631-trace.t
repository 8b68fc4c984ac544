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
