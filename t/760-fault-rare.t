# What can go wrong where few programs come: each says why, and reports nothing that was not so.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use Interrupt;
use LMTPTest;
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

my @envelope = (expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok');
my @saved = (data => undef, reply => '250 saved');

sub opened {
    my ($lmtp) = @_;
    return $lmtp->mail('s@x') && $lmtp->to('r@x') && $lmtp;
}

# ---- DATA by hand

{
    my ($lmtp) = script(@envelope, expect => 'DATA', reply => '354 go', @saved);
    opened($lmtp)->command('DATA');
    ok($lmtp->dataend, 'dataend behind a DATA whose reply nobody has read');
    is_deeply([ shown($lmtp->data_results) ], ['r@x success 250 final'], '... the end was sent, and answered');
}

{
    my ($lmtp) = script(@envelope, expect => 'DATA', reply => '554 no');
    opened($lmtp)->command('DATA');
    ok(!$lmtp->dataend, 'the same, refused');
    is($lmtp->code, 554, '... by the refusal');
}

# ---- methods of Net::Cmd for its own use

for my $case ([ _set_status_closed => qr/closed|EOF/i ], [ _set_status_timeout => qr/timeout/i ]) {
    my ($method, $words) = @$case;
    my ($lmtp) = script(stall => 'here');
    my @warnings = warnings_of { $lmtp->$method('here') };
    is($lmtp->code, 421, "$method: the code");
    like(scalar $lmtp->message, $words, '... and the words');
}

{
    my ($lmtp) = script(stall => 'here');
    ok(!eval { $lmtp->_EXPN(('x') x 1000); 1 }, 'a command of a thousand words');
    like($@, qr/too many arguments at \Q${\__FILE__}\E line/, '... croaks');
}

# ---- classes

{
    package DyingClose;
    our @ISA = ('Net::LMTP');
    our $Dies = 0;
    sub close { die "close dies\n" if $Dies; my $self = shift; return $self->SUPER::close }

    package Endless;
    our @ISA = ('Net::LMTP');
    our $More = 0;
    sub parse_response { my ($self, $line) = @_; return $More ? (250, 1) : $self->SUPER::parse_response($line) }
}

{
    my ($lmtp) = script({ class => 'DyingClose' }, expect => qr/^NOOP/, 'close' => undef);
    local $DyingClose::Dies = 1;
    ok(!eval { $lmtp->_NOOP; 1 }, 'a close that dies, when the link is lost');
    is($@, "close dies\n", '... is heard');
    $DyingClose::Dies = 0;
    ok(!$lmtp->opened, '... and the link is closed all the same');
    ok(!$lmtp->_NOOP, '... for good');
}

{
    my ($lmtp) = script({ class => 'Endless', MaxReply => 100 }, expect => qr/^NOOP/, reply => [ map {"250-$_ and more words"} 1 .. 20 ]);
    local $Endless::More = 1;
    ok(!$lmtp->_NOOP, 'a parse_response that always wants another line');
    ok(!$lmtp->opened, '... ends at the limit of a reply');
    $Endless::More = 0;
}

# ---- a link that goes while something waits to be sent

{
    my ($lmtp, $server) = script(@envelope, expect => 'DATA', reply => '354 go', 'reset' => undef);
    opened($lmtp)->data;
    $lmtp->datasend("some of it\n");
    $server->await('closed');
    ok(!$lmtp->flush, 'flush over a link that was reset');
    is_deeply([ shown($lmtp->results) ], ['r@x deferral 421 body'], '... and nothing is claimed');
}

{
    my $server = QMTPServer->new(sub {
        my ($peer) = @_;
        if (!$peer->{recorded} || @{ $peer->{recorded} } == 1) {
            QMTPServer::take($peer);
            $peer->send(QMTPServer::netstring('Kone'));
            $peer->close;
            return;
        }
        while (1) { $peer->send(QMTPServer::netstring(('Kmore') x QMTPServer::take($peer))) }
    });
    my $qmtp = QMTPServer::client($server);
    my @order = (From => 's', To => ['a'], Data => "text\n");
    $qmtp->submit(@order);
    ok($qmtp->collect->is_success, 'a package');
    $server->await('closed');
    for my $n (2, 3) { is($qmtp->submit(@order), $n, '... and another, the server having gone') }
    my $good = 0;
    while (my $delivery = $qmtp->collect) { $good += $delivery->is_success || $delivery->results->[0]->maybe_delivered }
    is($good, 2, '... over another link, or perhaps delivered');
}

# ---- a handler that dies while a package is written

{
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub {
        my ($peer) = @_;
        QMTPServer::sip($peer);
        $peer->stall('here');
    });
    my $qmtp = QMTPServer::client($server);
    $qmtp->sender('s');
    $qmtp->recipient('r');
    $qmtp->message("0123456789abcde\n" x (1024 * 1024));
    my ($ran, $error) = interrupt(sub { $server->passed('here') }, sub { die "alarmed\n" }, sub { $qmtp->send });
    is($error, "alarmed\n", 'die out of a send that writes');
    $server->release;
    ok($server->await('eof'), '... the link is closed');
    ok(!(grep { !exists $_->{rest} } QMTPServer::packages($server->received)), '... within the package');
}

done_testing;
