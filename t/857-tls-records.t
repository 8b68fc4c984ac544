# Records as no usual server sends them: cut anywhere and then nothing, or an end, or altered; and many in one piece with the handshake, for one who
# lets OpenSSL read ahead.

use strict;
use warnings;

use Errno qw(ECONNRESET);
use Net::LMTP;
use Net::QMTP;
use Socket qw(SOL_SOCKET SO_SNDBUF);
use Test::More;

use lib 't/lib';
use DeliveryTest qw(codes);
use LMTPTest;
use ScriptedServer;
use TLSTest;
use TLSPeer;

my $good = tls_of('good');

# Answers up to the place: then come the octets of the reply that is due there, as `end` has them.
sub server {
    my ($place, $end) = @_;
    return ScriptedServer->new(script => sub {
        my ($peer) = @_;
        my $tls = TLSPeer->new($peer, $good);
        $tls->shake;
        my @finals = ("250 2.0.0 one has it\r\n", "250 2.0.0 two has it\r\n");
        my $reply = sub {
            my ($name, @texts) = @_;
            return $tls->say(@texts) if $name ne $place;
            $end->($peer, $tls->sealed(@texts));
            die "gone\n";
        };
        $reply->(greeting => "220 me\r\n");
        while (defined(my $line = $tls->line)) {
            my ($verb) = $line =~ /\A(\w+)/;
            my %said = (LHLO => "250-me\r\n250-PIPELINING\r\n250 8BITMIME\r\n", DATA => "354 go\r\n", QUIT => "221 bye\r\n");
            $reply->($verb, $said{$verb} || "250 2.1.0 ok\r\n");
            next if $verb ne 'DATA';
            $tls->data;
            $reply->(final => $finals[0]);
            $reply->(second => $finals[1]);
        }
    });
}

# Each: name, what becomes of a reply's octets, what is said of it.
my $close = qr/closed|lost|${\ words_of(ECONNRESET)}/;
my @ends = (
    [ 'half a record, then silence', sub { $_[0]->send(substr $_[1], 0, length($_[1]) / 2); $_[0]->stall('silent') }, qr/Timeout/ ],
    [ 'the head of a record, then FIN', sub { $_[0]->send(substr $_[1], 0, 5); $_[0]->finish }, $close ],
    [ 'all of a record but an octet, then FIN', sub { $_[0]->send(substr $_[1], 0, -1); $_[0]->finish }, $close ],
    [ 'half a record, then an end', sub { $_[0]->send(substr $_[1], 0, length($_[1]) / 2); $_[0]->close('now') }, $close ],
    [ 'half a record, then a reset', sub { $_[0]->send(substr $_[1], 0, length($_[1]) / 2); $_[0]->reset('now') }, $close ],
    [ 'an altered record', sub { substr($_[1], -1) ^= "\1"; $_[0]->send($_[1]) }, qr/bad record mac|decryption failed/ ],
    [ 'a record cut short that goes on with plain text', sub { $_[0]->send(substr($_[1], 0, -4) . "250 plain\r\n" x 9) }, qr/bad record mac|decryption failed/ ],
    [ 'plain text in place of a record', sub { $_[0]->send("250 2.0.0 plain\r\n" x 3) }, qr/wrong version number|unknown protocol|packet length too long|TLS/ ],
);

# The place of it, the wait that it is in, and what a delivery to two has of it.
my @places = (
    [ greeting => [ StageTimeout => { greeting => 0.5 } ] ],
    [ LHLO     => [ StageTimeout => { lhlo     => 0.5 } ] ],
    [ MAIL     => [ StageTimeout => { mail     => 0.5 } ], '421-mail 421-mail' ],
    [ DATA     => [ StageTimeout => { data     => 0.5 } ], '421-data 421-data' ],
    [ final    => [ StageTimeout => { final    => 0.5 } ], '421? 421?' ],
    [ second   => [ NextReplyTimeout => 0.5 ], '250 421?' ],
);

for my $end (@ends) {
    my ($name, $code, $words) = @$end;
    for my $row (@places) {
        my ($place, $short, $codes) = @$row;
        my $server = server($place, $code);
        my $lmtp = Net::LMTP->new($server->args, SSL => 1, trusting(), Hello => 'me', $name =~ /silence/ ? @$short : ());
        if (not defined $codes) {
            my $error = $@;
            ok(!$lmtp, "$place, $name: new fails");
            like($error, $words, '... $@ says why');
            next;
        }
        my @results = $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n");
        # A reset may take along what had come before it.
        my $may_be = $place eq 'second' && $name =~ /end|reset/ ? '421? 421?' : $codes;
        ok((grep { codes(@results) eq $_ } $codes, $may_be), "$place, $name") or diag codes(@results);
        like($results[-1]->message, $words, '... says why');
        ok(!$lmtp->opened, '... the link is closed');
        $server->problems;
    }
}

# A context that reads ahead has taken what came with the handshake's end: all records of it count.
for my $case ([ 'in records of an octet', split //, "220 me\r\n" ], [ 'in one record', "220 me\r\n" ]) {
    my ($name, @greeting) = @$case;
    my $context = IO::Socket::SSL::SSL_Context->new({ trusting(), SSL_verify_mode => 1 });
    Net::SSLeay::CTX_set_read_ahead($context->{context}, 1);
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        my $tls = TLSPeer->new($peer, { %$good, SSL_version => 'TLSv1_2' });
        $tls->shake(@greeting);
        while (defined $tls->line) { $tls->say(split //, "250 ok\r\n") }
    });
    my $lmtp = Net::LMTP->new($server->args, SSL => 1, SSL_reuse_ctx => $context, SSL_verifycn_name => 'localhost', StageTimeout => { greeting => 20 });
    ok($lmtp, "a context that reads ahead, a greeting with the handshake, $name") or diag $@;
    ok($lmtp && $lmtp->mail('a@x'), '... and the session goes on');
}

# What has left with one record may be there, though others that were made with it have not. The server reads what there is when all is over.
{
    my $server = ScriptedServer->new(rcvbuf => 4096, script => sub {
        my ($peer) = @_;
        my $tls = TLSPeer->new($peer, $good);
        $tls->shake;
        $peer->stall('silent');
        eval { $tls->more while 1 };
        $peer->mark('first') if index($tls->{in}, '7:first@x,8:5:b@one,,') >= 0;
        $peer->mark('second') if index($tls->{in}, '8:second@x,8:5:b@two,,') >= 0;
        $peer->mark('read');
    });
    my $qmtp = Net::QMTP->new($server->host, Port => $server->port, SSL => 1, trusting(), WindowBytes => 1e8) or die $@;
    open my $handle, '+<&', $qmtp->fileno or die "dup: $!";
    setsockopt $handle, SOL_SOCKET, SO_SNDBUF, pack 'i', 24_000;
    close $handle;
    $qmtp->submit(From => 'first@x', To => ['b@one'], Data => "x\n", Deadline => 1);
    $qmtp->submit(From => 'second@x', To => ['b@two'], Data => "a line of content\n" x 1_000_000, Deadline => 1);
    my @maybe;
    while (my $done = $qmtp->collect) { push @maybe, map { $_->maybe_delivered ? 1 : 0 } $done->results }
    undef $qmtp;
    $server->release;
    $server->await('read');
    my @there = map { $server->passed($_) ? 1 : 0 } 'first', 'second';
    is(scalar(@maybe), 2, 'two packages in one write, of which a part leaves');
    ok(!(grep { $there[$_] and not $maybe[$_] } 0, 1), '... what the server has may be delivered') or diag("there: @there, said: @maybe");
    is($maybe[1], 0, '... and the second, whose end has not left, is not');
}

# A handle that has TLS of its own already is none that TLS, or a session, could be put on.
{
    my $server = ScriptedServer->new(script => [ tls => $good, expect => 'ping', reply => 'pong' ]);
    my $own = IO::Socket::SSL->new(PeerAddr => $server->host, PeerPort => $server->port, SSL_verifycn_name => 'localhost', trusting()) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
    for my $case ([], [ SSL => 1 ], [ StartTLS => 'require' ], [ StartTLS => 'offered' ]) {
        for my $class ('Net::LMTP', 'Net::QMTP') {
            next if $class eq 'Net::QMTP' and "@$case" =~ /StartTLS/;
            ok(!$class->new(Socket => $own, Host => 'localhost', @$case, trusting()), "$class, Socket => an IO::Socket::SSL, @$case: new fails");
            like($@, qr/Socket: the handle is tied/, '... $@ says why');
        }
    }
    print {$own} "ping\r\n";
    is(scalar <$own>, "pong\r\n", 'such a handle is left as it was');
}

done_testing;
