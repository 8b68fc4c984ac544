# Without the optional modules everything else works, and what needs one says which, and how its Debian package is called.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use WithoutOptional;

use LMTPTest;
use Mail::Wire;
use Mail::Wire::Command ();
use Mail::Wire::Command::Plan ();
use Mail::Wire::Queue ();
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

is(Net::LMTP->can_ssl, undef, 'can_ssl');
is(Net::QMTP->can_ssl, undef, '... of Net::QMTP');

my $needs = qr/TLS needs the module IO::Socket::SSL, [0-9.]+ or later \(Debian's package libio-socket-ssl-perl\)/;
{
    my ($port, $held) = ScriptedServer->refusing_port;
    for my $how ([ SSL => 1 ], [ StartTLS => 'require' ], [ StartTLS => 'offered' ]) {
        is(Net::LMTP->new('127.0.0.1', $port, @$how), undef, "new with @$how");
        like($@, $needs, '... says what to install');
    }
    is(Net::QMTP->new('127.0.0.1', Port => $port, SSL => 1), undef, 'Net::QMTP with SSL');
    like($@, $needs, '... says it as well');
    for my $url ("lmtps://127.0.0.1:$port", "qmtps://127.0.0.1:$port") {
        is(Mail::Wire->connect($url), undef, $url);
        like($@, $needs, '... says it as well');
    }
}

{
    my ($lmtp, $server) = session(keywords => [ 'STARTTLS', 'AUTH SCRAM-SHA-256 CRAM-MD5 DIGEST-MD5 PLAIN' ], AUTH => '235 ok');
    is($lmtp->is_tls, 0, 'a link without TLS');
    is($lmtp->sslhandle, undef, '... has no handle of it');
    is($lmtp->starttls, 0, 'starttls');
    like($lmtp->message, $needs, '... says what to install');
    ok($lmtp->opened, '... and the link stands');
    my %package = ('SCRAM-SHA-256' => [ 'Authen::SCRAM::Client', 'libauthen-scram-perl' ], map { ($_ => [ 'Authen::SASL', 'libauthen-sasl-perl' ]) } qw(CRAM-MD5 DIGEST-MD5));
    for my $mechanism (sort keys %package) {
        my ($module, $package) = @{ $package{$mechanism} };
        is($lmtp->auth('ann', 'secret', Mechanisms => $mechanism), 0, $mechanism);
        is($lmtp->message, "$mechanism: the module $module is missing (Debian: $package)\n", '... says what to install');
    }
    is($lmtp->auth('ann', 'secret'), 1, 'PLAIN needs none') or diag($lmtp->message);
    is_deeply([ shown($lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n")) ], [ 'b@x success 250 final', 'c@x success 250 final' ], 'deliver');
    ok($lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("x\n"), 'the calls one by one');
}

{
    my $server = QMTPServer->new([ 'Kok', 'Dno' ]);
    my $qmtp = QMTPServer::client($server);
    my @results = $qmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n");
    is_deeply([ map { $_->status } @results ], [qw(success failure)], 'Net::QMTP');
}

{
    for my $case (
        [ 'sqlite:none',       'Minion',                  'libminion-perl' ],
        [ 'postgresql://none', 'Minion',                  'libminion-perl' ],
        [ 'sqlite:none',       'Minion::Backend::SQLite', 'libminion-backend-sqlite-perl', 'Minion' ],
        [ 'postgresql://none', 'Mojo::Pg',                'libmojo-pg-perl',               'Minion' ],
    ) {
        my ($queue, $module, $package, @there) = @$case;
        local @INC{ map { "$_.pm" } @there } = @there;
        is(eval { Mail::Wire::Queue->new($queue) }, undef, "a queue, $queue, without $module");
        like($@, qr/\Aa queue needs the module \Q$module\E \(Debian: $package\) at /, '... says what to install');
    }
    is(eval { Mail::Wire::Command::Plan::queue_of({ queue => 'sqlite:none' }) }, undef, 'mailwire plan without Minion');
    my $says = 'the queue: a queue needs the module Minion (Debian: libminion-perl)';
    is_deeply([ Mail::Wire::Command::failure($@) ], [ 64, $says ], '... says so, and ends');
}

is_deeply([ WithoutOptional::loaded() ], [], 'none was loaded');

done_testing;
