# STARTTLS of Net::LMTP (RFC 3207): what comes before it, what it is answered by, and what is known and believed from then on.

use strict;
use warnings;

use Errno qw(ECONNRESET ENOENT EPROTO ETIMEDOUT);
use Net::LMTP;
use Test::More;
use Time::HiRes qw(setitimer time ITIMER_REAL);

use lib 't/lib';
use LMTPTest;
use ScriptedServer;
use TLSTest;

# Nothing, and $@, when new fails.
sub client {
    my ($server, %option) = @_;
    return Net::LMTP->new($server->args, Hello => 'client.example', StartTLS => 'require', trusting(), %option);
}

sub fails {
    my ($name, $server, $words, $errno, %option) = @_;
    my $lmtp = client($server, %option);
    my ($error, $number) = ($@, 0 + $!);
    ok(!$lmtp, "$name: new fails");
    like($error, qr/\ANet::LMTP: $words/, '... $@ says why');
    is($number, $errno, '... $! as well') if defined $errno;
    return;
}

my $good = tls_of('good');

# ---- what goes well

{
    my $server = ScriptedServer->new(script => [ secured_script($good, (expect => qr/^MAIL/, reply => '250 ok') x 1) ]);
    local ($@, $!) = ('before', 5);
    my $lmtp = client($server);
    ok($lmtp, 'StartTLS => require') or diag($@);
    is("$@ " . (0 + $!), 'before 5', '... leaves $@ and $! alone');
    is(ref $lmtp, 'Net::LMTP', '... the class is as it was');
    is($lmtp->is_tls, 1, '... is_tls');
    is(ref $lmtp->sslhandle, 'IO::Socket::SSL', '... sslhandle');
    like($lmtp->get_cipher, qr/\w/, '... get_cipher');
    like($lmtp->get_sslversion, qr/\ATLS/, '... get_sslversion');
    like($lmtp->peer_certificate('cn'), qr/server/, '... peer_certificate');
    like($lmtp->get_fingerprint, qr/\Asha256\$[0-9a-f]{64}\z/, '... get_fingerprint');
    is($lmtp->domain, 'secure.example', '... domain is what was said over TLS');
    is($lmtp->banner, undef, '... banner was said before, by anybody');
    is($lmtp->supports('STARTTLS'), undef, '... and so is what was offered then');
    is($lmtp->supports('PIPELINING'), '', '... but not what is now');
    ok($lmtp->mail('a@x'), '... mail');
    ok(!$lmtp->starttls, 'starttls a second time');
    is($lmtp->code, 503, '... is refused here');
    is($server->received =~ tr/\n//, 4, '... and not sent');
    ok($lmtp->opened, '... the link stands');
    ok($lmtp->close && !$lmtp->opened, 'close');
    is($lmtp->is_tls, 0, '... is_tls no more');
    is($lmtp->get_cipher, undef, '... nor is there a cipher');
}

{
    my $server = ScriptedServer->new(script => [ secured_script($good) ]);
    my $lmtp = connect_to($server, trusting());
    is($lmtp->is_tls, 0, 'without StartTLS there is none');
    is($lmtp->sslhandle, undef, '... and no handle');
    is($lmtp->can_ssl, 'IO::Socket::SSL', 'can_ssl');
    is(Net::LMTP->can_ssl, 'IO::Socket::SSL', '... of the class');
    is($lmtp->starttls, 1, 'starttls');
    is($lmtp->is_tls, 1, '... is_tls');
    is($server->received, "LHLO client.example\r\nSTARTTLS\r\nLHLO client.example\r\n", '... says LHLO anew, with the same name');
}

{
    my $server = ScriptedServer->new(script => [
        starttls_script(), tls => $good, expect => qr/^LHLO /, reply => [ '250-secure.example', '250 STARTTLS' ], expect => 'NOOP', reply => '250 ok' ]);
    my $lmtp = client($server);
    is($lmtp->starttls, 0, 'starttls a second time, where it is offered over TLS, too');
    is_deeply([ $lmtp->code, $lmtp->message ], [ 503, "TLS has begun already\n" ], '... is refused here');
    ok($lmtp->_NOOP, '... and not sent');
}

# ---- not offered, or refused

{
    my $server = ScriptedServer->new(script => [ hello_script('PIPELINING') ]);
    fails('not offered', $server, qr/STARTTLS: 503 STARTTLS is not offered/);
    $server->await('eof');
    is($server->received, "LHLO client.example\r\n", '... and nothing more is sent');

    $server = ScriptedServer->new(script => [ hello_script('PIPELINING') ]);
    my $lmtp = client($server, StartTLS => 'offered');
    ok($lmtp && !$lmtp->is_tls, 'StartTLS => offered goes on without');
    is($lmtp->starttls, 0, '... starttls is false');
    is($lmtp->code, 503, '... with our code');
}

for my $reply ('454 not now', '501 no', '250 ok', '354 go', '221 bye', '421 gone') {
    my @script = (hello_script('STARTTLS'), expect => 'STARTTLS', reply => $reply);
    my $server = ScriptedServer->new(script => \@script);
    fails($reply, $server, qr/STARTTLS: /);
    $server->await('eof');
    is($server->received, "LHLO client.example\r\nSTARTTLS\r\n", '... and nothing more is sent');

    $server = ScriptedServer->new(script => \@script);
    my $lmtp = client($server, StartTLS => 'offered');
    my $goes_on = $reply =~ /\A(?:454|501)/;
    is($lmtp ? 1 : 0, $goes_on ? 1 : 0, '... StartTLS => offered ' . ($goes_on ? 'goes on' : 'does not go on'));
    is($lmtp->is_tls, 0, '... in plain text') if $lmtp;

    $server = ScriptedServer->new(script => \@script);
    $lmtp = connect_to($server, trusting());
    is($lmtp->starttls, 0, '... starttls is false');
    is($lmtp->opened ? 1 : 0, $reply =~ /\A(?:454|501|354)/ ? 1 : 0, '... and the link closed if nobody knows what the server waits for');
}

# ---- bytes in plain text behind the 220

for my $case (
    [ 'a line',          "250 injected\r\n" ],
    [ 'a fragment',      '250 inj' ],
    [ 'a line and more', "250-injected\r\n250 SIZE 1\r\n250" ],
    [ 'a byte',          'x' ],
) {
    my ($name, $bytes) = @$case;
    my $server = ScriptedServer->new(script => [ starttls_script($bytes), mark => 'sent' ]);
    fails("$name behind the 220", $server, qr/TLS: bytes in plain text behind the reply to STARTTLS/, EPROTO);
    $server->await('eof');
    is($server->received, "LHLO client.example\r\nSTARTTLS\r\n", '... no byte of a handshake is sent');

    # It comes when the handshake has begun.
    $server = ScriptedServer->new(script => [ starttls_script(), bytes => 50, send => $bytes x 10 ]);
    fails("$name in place of a handshake", $server, qr/TLS: .*the server does not speak TLS here/, EPROTO);
    like(($server->received =~ /\ALHLO client.example\r\nSTARTTLS\r\n(.*)/s)[0], qr/\A\x16\x03/, '... nothing but the handshake was sent');
}

# ---- a 220 that comes before STARTTLS is no reply to it

for my $first ("220 go ahead\r\n", "220 go\r\n220 ahead\r\n", '220') {
    my $server = ScriptedServer->new(script => [ hello_script('STARTTLS'), bytes => 0, send => $first, mark => 'early', expect => 'STARTTLS', reply => '220 go', tls => $good ]);
    my $lmtp = connect_to($server, trusting());
    $server->await('early');
    is($lmtp->starttls, 0, "in front of STARTTLS: '$first'");
    is($lmtp->is_tls, 0, '... no handshake');
    ok(!$lmtp->opened, '... the link is closed');
    is($server->received, "LHLO client.example\r\n", '... and nothing was sent');
}

{
    my $server = ScriptedServer->new(script => [ hello_script('STARTTLS'), expect => 'NOOP', reply => '250 ok', expect => 'STARTTLS', reply => '220 go', tls => $good,
        expect => qr/^LHLO/, reply => '250 ok' ]);
    my $lmtp = connect_to($server, trusting());
    $lmtp->command('NOOP');
    is($lmtp->starttls, 1, 'starttls reads a reply that was not read') or diag($lmtp->message);
}

# ---- why a link was given up is in what comes later

{
    my $server = ScriptedServer->new(script => [ secured_script(tls_of('self')) ]);
    my $lmtp = connect_to($server, trusting());
    is($lmtp->starttls, 0, 'starttls with a server that nobody vouches for');
    my $why = qr/\A\[Net::LMTP\] TLS: certificate verify failed: /;
    like($lmtp->message, $why, '... message');
    my @results = $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => 'x');
    like($_->message, $why, '... a result') for @results;
    $lmtp->mail('a@x');
    like($lmtp->message, $why, '... and what is called later');
}

# ---- the session starts over

for my $reply ('500 no', '421 bye') {
    my $server = ScriptedServer->new(script => [
        starttls_script(), tls => $good, expect => qr/^LHLO /, reply => $reply, (expect => undef, reply => '250 ok') x 5 ]);
    my $lmtp = connect_to($server, trusting());
    ok(defined $lmtp->supports('PIPELINING'), "LHLO over TLS is answered by $reply: what was offered before");
    is($lmtp->starttls, 0, '... starttls is false');
    is($lmtp->supports('PIPELINING'), undef, '... and that is forgotten');
    next if $reply =~ /421/;
    is($lmtp->is_tls, 1, '... there is no way back');
    ok(!$lmtp->mail('a@x'), '... no mail before LHLO has succeeded');
    is($lmtp->code, 503, '... refused here');
    ok($lmtp->hello('client.example'), '... LHLO again');
    ok($lmtp->mail('a@x'), '... then mail');
    like($server->received, qr/STARTTLS\r\nLHLO client.example\r\nLHLO client.example\r\nMAIL FROM:<a\@x>\r\n\z/, '... which is all that was sent');
}

{
    my $server = ScriptedServer->new(script => [ starttls_script(), tls => $good, expect => qr/^LHLO /, reply => '500 no', expect => undef ]);
    my $lmtp = connect_to($server, trusting());
    $lmtp->starttls;
    my @results = $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n");
    is(join(', ', shown(@results)), 'b@x deferral 421 connect, c@x deferral 421 connect', 'deliver before LHLO has succeeded: deferrals');
    unlike($server->received, qr/MAIL/, '... nothing is sent');
}

{
    my $server = ScriptedServer->new(script => [ starttls_script(), tls => $good, expect => qr/^LHLO /, close => undef ]);
    my $lmtp = connect_to($server, trusting());
    is($lmtp->starttls, 0, 'LHLO over TLS is not answered: starttls is false');
    is($lmtp->supports('PIPELINING'), undef, '... and what was offered before is forgotten');
}

# What a server has shown of its ways in plain text is shown anew: the first message over TLS has a fence behind it, as the first one had.
{
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->reply('220 server.example LMTP');
        while (defined(my $line = $peer->line)) {
            if ($line eq 'STARTTLS') { $peer->reply('220 go'); $peer->tls($good); next }
            $peer->reply($line =~ /^LHLO/ ? ('250-server.example', '250-PIPELINING', '250 STARTTLS') : $line eq 'DATA' ? '354 go' : '250 ok');
            next if $line ne 'DATA';
            $peer->data;
            $peer->reply('250 it is there');
        }
    });
    my $lmtp = connect_to($server, trusting());
    my @order = (From => 'a@x', To => ['b@x'], Data => "x\n");
    my @codes = map { $_->code } map { $lmtp->deliver(@order) } 1, 2;
    push @codes, $lmtp->starttls, map { $_->code } map { $lmtp->deliver(@order) } 1, 2;
    is("@codes", '250 250 1 250 250', 'deliveries in plain text, and then over TLS');
    my ($plain, $secure) = map { scalar(() = /^LHLO /mg) } split /^STARTTLS\r\n/m, $server->received;
    is("$plain $secure", '2 2', '... LHLO at first, and a fence, in both');
}

# ---- alone

{
    my $server = ScriptedServer->new(script => [ hello_script(qw(PIPELINING STARTTLS)), (expect => undef, reply => '250 ok') x 10 ]);
    my $lmtp = connect_to($server, trusting());
    ok($lmtp->mail('a@x'), 'inside a transaction');
    is($lmtp->starttls, 0, '... starttls is false');
    is($lmtp->code, 503, '... refused here');
    ok(!$lmtp->_STARTTLS && $lmtp->code == 503, '... _STARTTLS as well');
    ok($lmtp->reset, '... RSET ends it');
    $lmtp->command('NOOP')->command('STARTTLS')->command('NOOP');
    is(join(' ', map { $lmtp->response; $lmtp->code } 1 .. 3), '250 503 250', 'behind a command without a reply it is refused');
    is(wire($server), "MAIL FROM:<a\@x>\r\nRSET\r\nNOOP\r\nNOOP\r\n", '... and not sent');
    $lmtp->command('STARTTLS')->command('NOOP')->command('RSET');
    is(join(' ', map { $lmtp->response; $lmtp->code } 1 .. 3), '250 503 503', 'what is given behind it is refused');
}

# ---- waits, each of its own stage, and signals

{
    my @silent = (starttls_script(), stall => 'handshake');
    my $server = ScriptedServer->new(script => \@silent);
    my $began = time;
    fails('a server that does not shake hands', $server, qr/TLS: no answer in the handshake/, ETIMEDOUT, StageTimeout => { tls => 0.5 });
    my $took = time - $began;
    cmp_ok($took, '>=', 0.5, '... after the time of its stage');
    $server->await('eof') if $server->release;

    $server = ScriptedServer->new(script => \@silent);
    fails('Timeout is a limit, too', $server, qr/TLS: no answer in the handshake/, ETIMEDOUT, Timeout => 3);

    # One byte at a time, of a record that does not end: each byte is no answer.
    $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->_play([ starttls_script(), bytes => 50, send => "\x16\x03\x03\x20\x00" ]);
        while (1) {
            $peer->send("\x02");
            select undef, undef, undef, 0.02;
        }
    });
    fails('a server that drips', $server, qr/TLS: no answer in the handshake/, ETIMEDOUT, StageTimeout => { tls => 0.5 });

    $server = ScriptedServer->new(script => \@silent);
    {
        local $SIG{ALRM} = sub { die "enough\n" };
        setitimer(ITIMER_REAL, 0.3);
        ok(!eval { client($server); 1 } && $@ eq "enough\n", 'a handler that dies ends the handshake');
        $server->release;
        ok($server->await('eof'), '... and the connection');

        $server = ScriptedServer->new(script => \@silent);
        my $lmtp = connect_to($server, trusting());
        setitimer(ITIMER_REAL, 0.3);
        ok(!eval { $lmtp->starttls; 1 } && $@ eq "enough\n", '... that of starttls as well');
        ok(!$lmtp->opened, '... whose link is closed');
    }
    {
        my $count = 0;
        local $SIG{ALRM} = sub { $count++ };
        $server = ScriptedServer->new(script => \@silent);
        setitimer(ITIMER_REAL, 0.05, 0.05);
        fails('a handler that returns', $server, qr/TLS: no answer in the handshake/, ETIMEDOUT, StageTimeout => { tls => 0.5 });
        setitimer(ITIMER_REAL, 0);
        cmp_ok($count, '>', 2, '... interrupts nothing');
    }
}

# ---- a server that goes

for my $how (qw(close reset finish)) {
    my $server = ScriptedServer->new(script => [ starttls_script(), bytes => 50, $how => undef ]);
    local $SIG{PIPE} = 'DEFAULT';
    fails("a server that goes in the handshake ($how)", $server, qr/TLS: the server closed the connection in the handshake/, ECONNRESET);
}

# ---- options

for my $case (
    [ [ StartTLS => 'perhaps' ],                 qr/StartTLS must be 'require' or 'offered'/ ],
    [ [ SSL => 1 ],                              qr/StartTLS goes neither with SSL nor/ ],
    [ [ SendHello => 0 ],                        qr/StartTLS goes neither with SSL nor/ ],
    [ [ SSL_ca_file => '/does/not/exist' ],      qr/TLS: .*\/does\/not\/exist/ ],
    [ [ SSL_cipher_list => 'NONSENSE' ],         qr/TLS: .*cipher/ ],
    [ [ SSL_fingerprint => 'nonsense' ],         qr/SSL_fingerprint must be as in .* not 'nonsense'/ ],
    [ [ SSL_fingerprint => 'md99$00' ],          qr/SSL_fingerprint must be as in .* not 'md99\$00'/ ],
    (map { [ [ SSL_fingerprint => $_ ],          qr/SSL_fingerprint must be as in/ ] } [], {}, ''),
    (map { [ [ SSL_verify_mode => $_ ],          qr/SSL_verify_mode must be a number/ ] } '', [], 'SSL_VERIFY_NONE', -1, 1.5, 99),
    (map { [ [ SSL_verifycn_name => $_ ],        qr/SSL_verifycn_name must be the name of a host/ ] } [], "a\0b", 'a b'),
    (map { [ [ SSL_hostname => $_ ],             qr/SSL_hostname must be the name of a host/ ] } [], "a\0b"),
    (map { [ [ SSL_verifycn_scheme => $_ ],      qr/SSL_verifycn_scheme must be one/ ] } [], ''),
    (map { [ [ $_ => 'x' ],                      qr/$_ must be a reference to code/ ] } qw(SSL_verify_callback SSL_error_trap SSL_create_ctx_callback)),
    [ [ SSL_server => 1 ],                       qr/SSL_server must be false/ ],
    [ [ SSL_cert_file => '/does/not/exist' ],    qr/TLS: SSL_cert_file .*: \Q@{[ do { local $! = ENOENT; "$!" } ]}\E\z/ ],
) {
    my ($option, $words) = @$case;
    my ($port, $kept) = ScriptedServer->refusing_port;
    ok(!Net::LMTP->new('127.0.0.1', $port, StartTLS => 'require', @$option), "@$option: new fails");
    like($@, qr/\ANet::LMTP: (?:TLS: )?$words/, '... before it connects');
}

# ---- REQUIRETLS (RFC 8689): with a server that offers it, and is the one that was meant

for my $case (
    # what the server offers, options of the client, MAIL, code
    [ 'verified, and offered',     'REQUIRETLS', [],                                                   'MAIL FROM:<a@x> REQUIRETLS', 250 ],
    [ 'verified, not offered',     'PIPELINING', [],                                                   undef,                        550 ],
    [ 'offered, but not verified', 'REQUIRETLS', [ SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE() ], undef,                   550 ],
) {
    my ($name, $keyword, $options, $mail, $code) = @$case;
    my $server = ScriptedServer->new(script => [
        starttls_script(), tls => $good, expect => qr/^LHLO /, reply => [ '250-secure.example', "250 $keyword" ], defined $mail ? (expect => $mail, reply => '250 ok') : (),
    ]);
    my $lmtp = client($server, @$options);
    is($lmtp->mail('a@x', RequireTLS => 1) ? 1 : 0, defined $mail ? 1 : 0, "RequireTLS, $name");
    is($lmtp->code, $code, '... code');
    is_deeply([ $server->problems ], [], '... what was sent');
}

done_testing;
