# TLS that a script puts under an object by itself, in the ways that scripts have: re-blessed into a class of IO::Socket::SSL and ours, a
# glob that takes over IO::Socket::SSL's, a tied glob. A tap on the wire shows that nothing goes in plain.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);

use lib qw(t/lib xt/lib);
use RealServer;

BEGIN { RealServer->need([ 'IO::Socket::SSL' => scalar eval { require IO::Socket::SSL } ]) }

use Net::LMTP;
use Net::QMTP;
use TLSServer;
use TLSTest;

{
    package Secure::LMTP;
    our @ISA = ('IO::Socket::SSL', 'Net::LMTP');
}
{
    package Tied::Inner;
    sub TIEHANDLE { my ($class, $ssl) = @_; return bless { ssl => $ssl }, $class }
    sub READ      { my $self = shift; return $self->{ssl}->sysread(@_) }
    sub WRITE     { my $self = shift; return $self->{ssl}->syswrite(@_) }
    sub FILENO    { return $_[0]{ssl}->fileno }
    sub CLOSE     { return $_[0]{ssl}->close }
    sub pending   { return $_[0]{ssl}->pending }
}

my @ssl = trusting(SSL_hostname => 'localhost', SSL_verifycn_name => 'localhost', SSL_verifycn_scheme => 'smtp');

sub inner {
    my ($handle) = @_;
    open my $raw, '+<&', $handle or die "dup: $!";
    return IO::Socket::SSL->start_SSL($raw, @ssl) || die "TLS: $IO::Socket::SSL::SSL_ERROR";
}

# Each makes TLS of what is a plain connection. $secure is the class for the first.
my %by = (
    're-blessed'      => sub { my ($handle, $secure) = @_; $secure->start_SSL($handle, @ssl) || die "TLS: $IO::Socket::SSL::SSL_ERROR" },
    're-blessed behind start_SSL' => sub {
        my ($handle, $secure) = @_;
        IO::Socket::SSL->start_SSL($handle, @ssl) || die "TLS: $IO::Socket::SSL::SSL_ERROR";
        bless $handle, $secure;
    },
    'a glob for a glob' => sub {
        my ($handle) = @_;
        my $ssl = inner($handle);
        *$handle = *$ssl;
        # IO::Socket::SSL ties to a weak reference: its object must live.
        ${*$handle}{kept} = $ssl;
    },
    'a tied glob' => sub { my ($handle) = @_; tie *$handle, 'Tied::Inner', inner($handle) },
);

sub secured {
    my ($server, $by, %option) = @_;
    my $lmtp = Net::LMTP->new($server->host, $server->port, Hello => 'plain.example', Timeout => 20, %option) or die "new: $@";
    $lmtp->command('STARTTLS')->response == 2 or die 'STARTTLS: ' . $lmtp->message;
    $by{$by}->($lmtp, 'Secure::LMTP');
    return $lmtp;
}

my $body = join '', map {"a secret line $_\n"} 1 .. 20_000;
(my $crlf = $body) =~ s/\n/\r\n/g;

sub codes { return join ' ', map { $_->code } @_ }

# ---- Net::LMTP, STARTTLS by hand

for my $slow (0, 1) {
    for my $chunking (0, 1) {
        my $server = TLSServer->new(starttls => 1, slow => $slow, sink => { chunking => $chunking });
        for my $by (sort keys %by) {
            my $name = "$by" . ($slow ? ', slow' : '') . ($chunking ? ', CHUNKING' : '');
            $server->sink->clear;
            my $lmtp = secured($server, $by);
            ok($lmtp->hello('me.example'), "$name: LHLO");
            ok(defined $lmtp->supports('PIPELINING'), '... and what the server offers now');
            ok($lmtp->mail('a@secret.example') && $lmtp->to('b@secret.example', 'c@secret.example') && $lmtp->data && $lmtp->datasend($body)
                && $lmtp->dataend, '... by hand');
            is(codes($lmtp->data_results), '250 250', '... results');
            is(codes($lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => $body)), '250 250', '... deliver');
            my $n = 20;
            $lmtp->submit(From => 'a@x', To => ['b@x'], Data => "secret $_\n") for 1 .. $n;
            my @done;
            while (my $done = $lmtp->collect) { push @done, codes($done->results) }
            is("@done", join(' ', ('250') x $n), '... submit');
            open my $file, '<', $0 or die $!;
            is(codes($lmtp->deliver(From => 'a@x', To => ['b@x'], File => $0)), '250', '... a file');
            my @data = map { $_->{data} } $server->sink->messages;
            is(scalar(@data), 3 + $n, '... all arrived');
            ok($data[0] eq $crlf && $data[1] eq $crlf && $data[2] eq "secret 1\r\n", '... whole');
            ok($lmtp->quit, '... QUIT');
        }
        my $tapped = $server->tapped;
        cmp_ok(length $tapped, '>', 8 * length $crlf, 'the wire was tapped');
        ok($tapped =~ /^STARTTLS\r$/m, '... has what goes before TLS');
        ok($tapped !~ /secret|MAIL FROM|me\.example/, '... and nothing of what is behind it');
    }
}

# ---- Net::QMTP, TLS from the start. Its connection is a handle inside of the object, whose class has an `error` of its own.

for my $slow (0, 1) {
    my $server = TLSServer->new(protocol => 'qmtp', slow => $slow);
    for my $by (sort grep { !/re-blessed/ } keys %by) {
        my $name = "Net::QMTP, $by" . ($slow ? ', slow' : '');
        $server->sink->clear;
        my $qmtp = Net::QMTP->new($server->host, Port => $server->port, Timeout => 20) or die "new: $@";
        $by{$by}->($qmtp->{net_qmtp}{link});
        $qmtp->sender('a@secret.example');
        $qmtp->recipient('b@secret.example');
        $qmtp->message($body);
        my $answer = $qmtp->send;
        like($answer && $answer->{'b@secret.example'}, qr/^success/, "$name: send");
        is(codes($qmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => $body)), '250 250', '... deliver');
        $qmtp->submit(From => 'a@x', To => ['b@x'], Data => "secret $_\n") for 1 .. 20;
        my @done;
        while (my $done = $qmtp->collect) { push @done, codes($done->results) }
        is("@done", join(' ', ('250') x 20), '... submit');
        is(codes($qmtp->deliver(From => 'a@x', To => ['b@x'], File => $0)), '250', '... a file');
        is(scalar(() = $server->sink->messages), 23, '... all arrived');
    }
    my $tapped = $server->tapped;
    cmp_ok(length $tapped, '>', 4 * length $body, 'the wire was tapped');
    ok($tapped !~ /secret/, '... and has nothing in plain');
}

# ---- waits hold over TLS, and a handler ends them

{
    my $server = TLSServer->new(starttls => 1, silent => 1);
    for my $by (sort keys %by) {
        my $lmtp = secured($server, $by, Timeout => 0.5);
        $lmtp->timeout(0.5);
        ok(!$lmtp->hello('me.example'), "$by, a silent server: LHLO ends");
        like($lmtp->message, qr/Timeout/, '... by its time');
        is(codes($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n")), '421', '... so does deliver');

        $lmtp = secured($server, $by);
        local $SIG{ALRM} = sub { die "enough\n" };
        setitimer(ITIMER_REAL, 0.3);
        ok(!eval { $lmtp->hello('me.example'); 1 } && $@ eq "enough\n", '... and a handler that dies ends it');
    }
}

# ---- what came in plain behind STARTTLS's reply is nobody's reply

for my $by (sort keys %by) {
    my $server = TLSServer->new(starttls => 1, plain_behind => "250 injected\r\n");
    my $lmtp = eval { secured($server, $by) };
    SKIP: {
        # What is still in the socket spoils the handshake.
        skip "$by: no TLS with plain bytes before it", 2 if not $lmtp;
        my $ok = $lmtp->hello('me.example');
        ok(!$ok && $lmtp->code == 421 && $lmtp->message !~ /injected/, "$by: bytes in plain behind the 220 are no reply to LHLO")
            or diag($lmtp->message);
        ok(!$lmtp->opened, '... but the end of the link');
    }
}

# ---- a link that goes

{
    local $SIG{PIPE} = 'DEFAULT';
    my $server = TLSServer->new(starttls => 1);
    my $lmtp = secured($server, 're-blessed');
    $lmtp->hello('me.example');
    undef $server;
    my @results = $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => 'x' x 5_000_000);
    is(codes(@results), '421', 'a server that goes: a deferral');
    ok(!$lmtp->opened, '... and the link is closed');
}

done_testing;
