# TLS of both classes, by every way of sending: sync calls, deliveries, event loops that wait for what TLS wants, records cut in any way, links
# that end.

use strict;
use warnings;

use IO::Socket::UNIX ();
use Mail::Wire;
use Net::LMTP;
use Net::QMTP;
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Symbol ();
use Test::More;
use Time::HiRes qw(setitimer time ITIMER_REAL);

use lib 't/lib';
use LMTPTest;
use ScriptedServer;
use TLSTest;
use TLSServer;

my $body = join '', map {"a secret line $_\n"} 1 .. 20_000;
(my $crlf = $body) =~ s/\n/\r\n/g;
my $good = tls_of('good');

sub codes { return join ' ', map { $_->code . ($_->maybe_delivered ? ' maybe' : '') } @_ }

sub collected {
    my ($client) = @_;
    my @done;
    while (my $done = $client->collect) { push @done, codes($done->results) }
    return "@done";
}

# ---- every way

for my $slow (0, 1) {
    for my $starttls (0, 1) {
        my $name = ($starttls ? 'STARTTLS' : 'TLS') . ($slow ? ', slow' : '');
        my $server = TLSServer->new(starttls => $starttls, slow => $slow, sink => { chunking => $slow });
        my $lmtp = Net::LMTP->new($server->host, $server->port, ($starttls ? (StartTLS => 'require') : (SSL => 1)), trusting(), Hello => 'plain.example')
            or die $@;
        ok($lmtp->mail('a@secret.example') && $lmtp->to('b@secret.example', 'c@secret.example') && $lmtp->data && $lmtp->datasend($body)
            && $lmtp->dataend, "$name: sync calls");
        is(codes($lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => $body)), '250 250', '... deliver');
        is(codes($lmtp->deliver(From => 'a@x', To => ['b@x'], File => $0)), '250', '... a file');
        $lmtp->submit(From => 'a@x', To => ['b@x'], Data => "secret $_\n") for 1 .. 20;
        is(collected($lmtp), join(' ', ('250') x 20), '... submit');
        my @data = map { $_->{data} } $server->sink->messages;
        is(scalar(@data), 23, '... all arrived');
        ok($data[0] eq $crlf && $data[1] eq $crlf && $data[3] eq "secret 1\r\n", '... whole');
        ok($lmtp->quit, '... quit');
        is($lmtp->is_tls, 0, '... and no TLS then');
        my $tapped = $server->tapped;
        cmp_ok(length $tapped, '>', 2 * length $crlf, '... the wire was tapped');
        ok($tapped !~ /secret|MAIL FROM/, '... and has nothing in plain');
    }

    my $server = TLSServer->new(protocol => 'qmtp', slow => $slow);
    my $name = 'QMTP' . ($slow ? ', slow' : '');
    my $qmtp = Mail::Wire->connect('qmtps://' . $server->host . ':' . $server->port, trusting()) or die $@;
    is($qmtp->is_tls, 1, "$name: is_tls");
    like($qmtp->get_sslversion, qr/TLS/, '... get_sslversion');
    $qmtp->sender('a@secret.example');
    $qmtp->recipient('b@secret.example');
    $qmtp->message($body);
    like(($qmtp->send || {})->{'b@secret.example'}, qr/^success/, '... send');
    is(codes($qmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => $body)), '250 250', '... deliver');
    is(codes($qmtp->deliver(From => 'a@x', To => ['b@x'], File => $0)), '250', '... a file');
    $qmtp->submit(From => 'a@x', To => ['b@x'], Data => "secret $_\n") for 1 .. 20;
    is(collected($qmtp), join(' ', ('250') x 20), '... submit');
    ok($qmtp->reconnect && $qmtp->is_tls, '... reconnect');
    is(codes($qmtp->deliver(From => 'a@x', To => ['b@x'], Data => $body)), '250', '... deliver over the new link');
    ok($qmtp->disconnect, '... disconnect');
    is($qmtp->is_tls, 0, '... and no TLS then');
    ok($server->tapped !~ /secret/, '... nothing went in plain');
}

# ---- never back to plain text

{
    my $server = TLSServer->new;
    my $lmtp = Net::LMTP->new($server->host, $server->port, SSL => 1, trusting()) or die $@;
    untie *$lmtp;
    ok(!$lmtp->mail('secret@x'), 'a script that takes TLS off its link: a command fails');
    is(codes($lmtp->deliver(From => 'secret@x', To => ['b@x'], Data => "x\n")), '421', '... a delivery is a deferral');
    unlike($server->tapped, qr/secret/, '... and nothing goes in plain');
}

# ---- event loops: as often as TLS has something to do, and not in circles

sub turns {
    my (@clients) = @_;
    my ($turns, %done) = (0);
    while (grep { $_->in_flight } @clients and $turns++ < 20_000) {
        my ($read, $write, $least) = ('', '', 5);
        for my $client (@clients) {
            my $fd = $client->fileno;
            vec($read, $fd, 1) = 1 if defined $fd and $client->wants_read;
            vec($write, $fd, 1) = 1 if defined $fd and $client->wants_write;
            my $seconds = $client->timeout_in;
            $least = $seconds if defined $seconds and $seconds < $least;
        }
        select $read, $write, undef, $least;
        for my $client (@clients) {
            $client->advance;
            while (my $done = $client->collect) { push @{ $done{$client} }, codes($done->results) }
        }
    }
    return ($turns, map { join ' ', @{ $done{$_} || [] } } @clients);
}

for my $slow (0, 1) {
    my $lmtp_server = TLSServer->new(starttls => 1, slow => $slow);
    my $qmtp_server = TLSServer->new(protocol => 'qmtp', slow => $slow);
    my $lmtp = Net::LMTP->new($lmtp_server->host, $lmtp_server->port, StartTLS => 'require', trusting(), Blocking => 0, WindowBytes => 1e7) or die $@;
    my $qmtp = Net::QMTP->new($qmtp_server->host, Port => $qmtp_server->port, SSL => 1, trusting(), Blocking => 0, WindowBytes => 1e7, DeferConnect => 1)
        or die $@;
    for my $client ($lmtp, $qmtp) {
        $client->submit(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => $body) for 1 .. 3;
    }
    my ($turns, @said) = turns($lmtp, $qmtp);
    is_deeply(\@said, [ ('250 250 250 250 250 250') x 2 ], 'event loops' . ($slow ? ', slow' : '') . ": all is delivered, in $turns turns");
    cmp_ok($turns, '<', 10_000, '... not in circles');
    is($qmtp->is_tls, 1, '... a link that was made meanwhile has TLS');
    is_deeply([ map { $_->wants_read || $_->wants_write ? 1 : 0 } $lmtp, $qmtp ], [ 0, 0 ], '... nothing is wanted in the end');
}

# A server that asks for the handshake again (TLS 1.2), in front of its replies, and leaves it there: from then on a write has to read.
for my $blocking (1, 0) {
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->tls(tls_of('good', SSL_version => 'TLSv1_2'));
        $peer->reply('220 me');
        $peer->expect(qr/^LHLO/);
        $peer->reply('250-me', '250 PIPELINING');
        $peer->expect($_) for qr/^MAIL/, qr/^RCPT/, 'DATA';
        my $ssl = $peer->{peer}->_get_ssl_object;
        Net::SSLeay::renegotiate($ssl) && Net::SSLeay::do_handshake($ssl);
        $peer->reply('250 ok', '250 ok', '354 go');
        $peer->stall('silent');
    });
    my $lmtp = Net::LMTP->new($server->args, SSL => 1, trusting(), Blocking => $blocking, StageTimeout => { body => 0.5 }) or die $@;
    my ($writes, $write) = (0, \&Net::SSLeay::write_partial);
    no warnings 'redefine';
    local *Net::SSLeay::write_partial = sub { $writes++; goto &$write };
    my @message = (From => 'a@x', To => ['b@x'], Data => $body);
    my $turns = 0;
    if   ($blocking) { $lmtp->deliver(@message) }
    else             { $lmtp->submit(@message); ($turns) = turns($lmtp) }
    is(($lmtp->results)[0]->stage, 'body', ($blocking ? 'deliver' : 'an event loop') . ', where a write has to read: its time ends');
    cmp_ok($_, '<', 100, '... not in circles') for $writes, $turns;
    cmp_ok($writes, '>', 0, '... but written');
}

# A server that does not read: what waits here, in records, has not been sent.
{
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->tls($good);
        $peer->reply('220 me');
        $peer->expect(qr/^LHLO/);
        $peer->reply('250 me');
        $peer->expect(qr/^MAIL/) && $peer->reply('250 ok');
        $peer->expect(qr/^RCPT/) && $peer->reply('250 ok');
        $peer->expect('DATA') && $peer->reply('354 go');
        $peer->stall('silent');
    });
    my $lmtp = Net::LMTP->new($server->args, SSL => 1, trusting(), StageTimeout => { body => 0.5 }) or die $@;
    my ($large, $sent) = ("a line of content\r\n" x 2_000_000, 0);
    my ($result) = $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => $large, Progress => sub { $sent = $_[0] });
    is($result->stage . ' ' . $result->maybe_delivered, 'body 0', 'a server that does not read: the end of the content has not left');
    cmp_ok($sent, '<', length $large, '... nor has all of it');
}

# A session that IO::Socket::SSL has ended behind our back, and a handle that outlives its connection.
{
    my $server = TLSServer->new;
    my ($lmtp, $other) = map { Net::LMTP->new($server->host, $server->port, SSL => 1, trusting()) || die $@ } 1, 2;
    $lmtp->sslhandle->stop_SSL(SSL_fast_shutdown => 1, SSL_no_shutdown => 1);
    is(codes($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => 'x')), '421', 'TLS that was ended by hand: a deferral');
    my $tied = tied *$other;
    $other->close;
    my $bytes = '';
    ok(!defined $tied->READ($bytes, 10) && !defined $tied->WRITE('x'), 'what a closed connection was tied to reads and writes nothing');
}

# What IO::Socket::SSL's own methods read and write.
{
    my $server = TLSServer->new;
    my $lmtp = Net::LMTP->new($server->host, $server->port, SSL => 1, trusting()) || die $@;
    print {$lmtp} "NOOP\r\n";
    like($lmtp->getline, qr/^250/, 'printed, and read by getline');
    printf {$lmtp} '%s', "NOOP\r\n";
    my ($line, $ends) = ('', time + 10);
    while ($line !~ /\n/ and time < $ends) {
        my $byte = getc $lmtp;
        defined $byte ? ($line .= $byte) : select undef, undef, undef, 0.01;
    }
    like($line, qr/^250/, 'printed, and read by getc');
    ok($lmtp->quit, '... quit');
}

# A handshake that nobody answers, in an event loop.
{
    my $server = ScriptedServer->new(script => [ stall => 'silent' ]);
    my $qmtp = Net::QMTP->new($server->host, Port => $server->port, SSL => 1, trusting(), Blocking => 0, DeferConnect => 1, StageTimeout => { tls => 0.5 });
    $qmtp->submit(From => 'a@x', To => ['b@x'], Data => 'x');
    my ($turns, $said) = turns($qmtp);
    is($said, '450', 'a server that does not shake hands, in an event loop: a deferral');
    is(($qmtp->results)[0]->stage, 'connect', '... a deferral of stage connect');
    like(($qmtp->results)[0]->message, qr/TLS: no answer in the handshake/, '... that says why');
    cmp_ok($turns, '<', 200, "... in $turns turns");
}

# ---- failures of QMTP's TLS are deferrals that say why

for my $case ([ 'expired', qr/TLS: certificate verify failed: certificate has expired/ ], [ 'named', qr/TLS: hostname verification failed/ ]) {
    my ($kind, $words) = @$case;
    my $server = ScriptedServer->new(script => [ tls => tls_of($kind) ]);
    ok(!Net::QMTP->new($server->host, Port => $server->port, SSL => 1, trusting()), "QMTP, $kind: new fails");
    like($@, $words, '... $@ says why');
    my $qmtp = Net::QMTP->new($server->host, Port => $server->port, SSL => 1, trusting(), DeferConnect => 1);
    my @results = $qmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => 'x');
    is(join(' ', map { $_->code . ' ' . $_->stage } @results), '450 connect 450 connect', '... deliver: deferrals');
    like($results[1]->message, $words, '... that say why');
    is($server->received, '', '... and nothing is sent');
}
ok(!Net::QMTP->new('/nowhere/socket', SSL => 1), 'QMTP on a UNIX-domain socket without a name to check: new fails');
like($@, qr/SSL_verifycn_name.*SSL_verify_mode/, '... $@ says why');

# A delivery's Deadline ends a handshake as well.
{
    my $server = ScriptedServer->new(script => [ stall => 'silent' ]);
    my $qmtp = Net::QMTP->new($server->host, Port => $server->port, SSL => 1, trusting(), DeferConnect => 1);
    my $began = time;
    my @results = $qmtp->deliver(From => 'a@x', To => ['b@x'], Data => 'x', Deadline => 0.5);
    is(codes(@results), '450', 'a Deadline in the handshake');
    cmp_ok(time - $began, '<', 20, '... ends it before its own time');
}

# ---- records cut in any way

my @finals = map {"250 2.0.0 recipient $_ has it"} 1 .. 40;
for my $case (
    [ 'forty final replies in one record',       send    => join('', map {"$_\r\n"} @finals) ],
    [ 'forty final replies in records of a byte', trickle => join('', map {"$_\r\n"} @finals) ],
    [ 'forty final replies in a record each',    map { (reply => $_) } @finals ],
) {
    my ($name, @script) = @$case;
    my $server = ScriptedServer->new(script => [
        secured_script($good), expect => qr/^MAIL/, reply => '250 ok', (expect => qr/^RCPT/, reply => '250 ok') x 40,
        expect => 'DATA', reply => '354 go', data => undef, @script, expect => qr/^LHLO/, reply => [ '250-secure.example', '250 PIPELINING' ],
    ]);
    my $lmtp = connect_to($server, StartTLS => 'require', trusting());
    my @results = $lmtp->deliver(From => 'a@x', To => [ map {"r$_\@x"} 1 .. 40 ], Data => "x\n");
    is(codes(@results), join(' ', ('250') x 40), $name);
    like($results[39]->message, qr/recipient 40 has it/, '... in order');
}

# ---- a link that ends, with the alert close_notify and without

for my $how ('close', 'finish', 'reset') {
    my $server = ScriptedServer->new(script => [
        secured_script($good), expect => qr/^MAIL/, reply => '250 ok', (expect => qr/^RCPT/, reply => '250 ok') x 3,
        expect => 'DATA', reply => '354 go', data => undef, send => "250 one\r\n550 two\r\n250 thr", $how => undef ]);
    my $lmtp = connect_to($server, StartTLS => 'require', trusting());
    my $ok = $lmtp->mail('a@x') && $lmtp->to('b@x', 'c@x', 'd@x') && $lmtp->data("x\n");
    ok(!$ok, "a link that ends by $how between final replies: data is false");
    my @codes = split / /, codes($lmtp->results);
    is($codes[-2] . " $codes[-1]", '421 maybe', '... a reply without its end is none');
    is("@codes[0, 1]", '250 550', '... what was said in whole stands') if $how ne 'reset';
    ok(!$lmtp->opened, '... the link is closed');
}

# ---- what was not asked for

{
    my $server = ScriptedServer->new(script => [
        starttls_script(), tls => $good, send => "250-injected.example\r\n250 8BITMIME\r\n", (expect => qr/^LHLO/, reply => '250 me', mark => 'said') ]);
    my $lmtp = Net::LMTP->new($server->args, StartTLS => 'require', trusting(), Hello => 'client.example');
    SKIP: {
        skip 'LHLO over TLS was not answered', 2 if not $lmtp;
        $server->await('said');
        ok(!$lmtp->mail('a@x'), 'a reply too many over TLS');
        is(join(' ', codes($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n"))), '421', '... is out of step, as ever');
    }
}

# ---- signals

{
    my $server = ScriptedServer->new(script => [ secured_script($good), expect => qr/^MAIL/, stall => 'silent' ]);
    my $lmtp = connect_to($server, StartTLS => 'require', trusting());
    local $SIG{ALRM} = sub { die "enough\n" };
    setitimer(ITIMER_REAL, 0.3);
    ok(!eval { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => $body); 1 } && $@ eq "enough\n", 'a handler that dies ends a delivery over TLS');
    is(codes($lmtp->results), '421', '... whose recipient is a deferral');
    ok(!$lmtp->opened, '... and the link is closed');
}

# ---- waits hold over TLS

for my $case ([ 'a sync call', sub { $_[0]->mail('a@x') } ], [ 'deliver', sub { ($_[0]->deliver(From => 'a@x', To => ['b@x'], Data => $body))[0]->is_success } ]) {
    my ($name, $code) = @$case;
    my $server = ScriptedServer->new(script => [ secured_script($good), expect => qr/^MAIL/, stall => 'silent' ]);
    my $lmtp = connect_to($server, StartTLS => 'require', trusting());
    $lmtp->timeout(0.5);
    my $began = time;
    ok(!$code->($lmtp), "$name on a silent server fails");
    cmp_ok(time - $began, '>=', 0.5, '... after its time');
    ok(!$lmtp->opened, '... and the link is closed');
}

# ---- a handle that is given

for my $secure (0, 1) {
    my ($near, $far) = IO::Socket::UNIX->socketpair(AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (not $pid) {
        close $near;
        if ($secure) { IO::Socket::SSL->start_SSL($far, SSL_server => 1, %$good) or POSIX::_exit(1) }
        for my $reply ('220 me', '250 me', '250 ok') {
            syswrite $far, "$reply\r\n";
            sysread $far, my $line, 1000;
        }
        my $end = sysread $far, my $rest, 1000;
        POSIX::_exit(defined $end && $end == 0 ? 0 : 2);
    }
    close $far;
    my $lmtp = Net::LMTP->new(Socket => $near, Host => 'localhost', SSL => $secure, trusting());
    ok($lmtp, "Socket => a handle, TLS: $secure") or diag($@);
    is($lmtp->is_tls, $secure, '... is_tls');
    ok($lmtp->mail('a@x'), '... mail');
    ok($lmtp->close, '... close');
    waitpid $pid, 0;
    is($?, 0, '... ends the connection, though the handle is still there');
}
{
    open my $file, '<', $0 or die "$0: $!";
    open my $memory, '<', \'220 me' or die "memory: $!";
    pipe my $out, my $in or die "pipe: $!";
    socket my $alone, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socket: $!";
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    for my $case (
        (map { [ $_, 'not open' ] } Symbol::gensym(), [], {}, \1, sub { }, 'STDIN', 'text'),
        (map { [ $_, 'not a connected socket' ] } $file, *$file, $memory, $in, $alone),
    ) {
        my ($socket, $words) = @$case;
        for my $class (qw(Net::LMTP Net::QMTP)) {
            my $said = eval { $class->new(Socket => $socket) ? 'made' : $@ };
            is($said, "Socket: the handle is $words", "$class, Socket => $socket: new fails, and does not die");
        }
    }
    is("@warnings", '', '... without a warning');
}
{
    my ($near, $far) = IO::Socket::UNIX->socketpair(AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    ok(!Net::LMTP->new(Socket => $near, SSL => 1, trusting()), 'TLS over a handle without a name to check: new fails');
    like($@, qr/SSL_verifycn_name.*SSL_verify_mode/, '... $@ says why');
}

done_testing;
