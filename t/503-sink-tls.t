# A Mail::Wire::Sink that speaks TLS, with Net::LMTP and with openssl's own client of IO::Socket::SSL.

use strict;
use warnings;

use Test::More;

use Mail::Wire::Sink;
use Mail::Wire::TLS;
use Net::LMTP;

plan skip_all => $@ if not Mail::Wire::TLS::is_there();

sub hello {
    my ($sink, @options) = @_;
    my $lmtp = Net::LMTP->new($sink->host, $sink->port, Hello => 'client', SSL_ca_file => $sink->ca_file, @options) or return;
    my @results = $lmtp->deliver(From => 's@x', To => [ 'a@x', 'b@x' ], Data => "Subject: " . 'x' x 300_000 . "\n\nHello.\n");
    my $offers = defined $lmtp->supports('STARTTLS');
    $lmtp->quit;
    return join ' ', $offers ? 'offers' : 'secure', map { $_->status } @results;
}

sub text { my ($sink) = @_; return map { length $_->{data} } $sink->messages }

for my $case ([ implicit => (SSL => 1) ], [ starttls => (StartTLS => 'require') ]) {
    my ($tls, @how) = @$case;
    my $sink = Mail::Wire::Sink->new(tls => $tls);
    ok(-s $sink->ca_file, "$tls: a certificate");
    is(hello($sink, @how), 'secure success success', '... delivered') or diag $@;
    is_deeply([ text($sink) ], [ length("Subject: \r\n\r\nHello.\r\n") + 300_000 ], '... is there');
    is((grep {/STARTTLS/} $sink->commands) + 0, $tls eq 'starttls' ? 1 : 0, '... as asked for');
    is(hello($sink, @how, SSL_ca_file => undef), undef, '... who does not trust it gets nowhere');
    is(hello($sink, @how), 'secure success success', '... and the next one does') or diag $@;
    like($sink->url, $tls eq 'implicit' ? qr{\Almtps://} : qr{\Almtp://}, '... url');
    my $file = $sink->ca_file;
    undef $sink;
    ok(!-e $file, '... the certificate goes with the sink');
}
{
    my $sink = Mail::Wire::Sink->new(tls => 'starttls');
    is(hello($sink), 'offers success success', 'nobody has to ask for TLS');
    my $plain = IO::Socket::INET->new(PeerAddr => $sink->host, PeerPort => $sink->port) or die $!;
    print {$plain} "LHLO me\r\nMAIL FROM:<before\@x>\r\nSTARTTLS\r\nMAIL FROM:<injected\@x>\r\n";
    IO::Socket::SSL->start_SSL($plain, SSL_ca_file => $sink->ca_file, SSL_verifycn_name => 'localhost', SSL_startHandshake => 0) if handshake_is_due($plain);
    ok($plain->connect_SSL, 'a handshake') or diag $IO::Socket::SSL::SSL_ERROR;
    print {$plain} "RCPT TO:<b\@x>\r\nMAIL FROM:<c\@x>\r\nLHLO me\r\nSTARTTLS\r\nQUIT\r\n";
    my @lines = <$plain>;
    is_deeply([ map { substr $_, 0, 4 } splice @lines, 0, 2 ], [ '503 ', '503 ' ], 'what was said before the handshake is forgotten');
    like($lines[0], qr/\A250-localhost/, '... what was said behind STARTTLS is dropped');
    ok(!grep({/STARTTLS/} @lines), '... which is not offered again');
    like($lines[-2], qr/\A500 /, '... nor taken');
    like($lines[-1], qr/\A221 /, '... and the end is an end');
    is_deeply([ grep {/injected/} $sink->commands(2) ], [], '... nothing else was heard');
}

# Reads the replies up to STARTTLS's, by the octet: what follows is TLS's.
sub handshake_is_due {
    my ($socket) = @_;
    my $got = '';
    while ($got !~ /^220 2\.0\.0 Go ahead\r\n/m) { sysread $socket, $got, 1, length $got or return 0 }
    return 1;
}

{
    my $sink = Mail::Wire::Sink->new(tls => 'implicit', protocol => 'qmtp');
    my $client = IO::Socket::SSL->new(PeerAddr => $sink->host, PeerPort => $sink->port, SSL_ca_file => $sink->ca_file) or die $IO::Socket::SSL::SSL_ERROR;
    print {$client} "6:\012hello,3:s\@x,6:3:a\@x,,";
    sysread $client, my $answer, 1000;
    like($answer, qr/\A\d+:K.*,\z/, 'QMTP in TLS');
    is(($sink->messages)[0]{data}, 'hello', '... is there');
}
for my $case ([ tls => 'yes' ], [ tls => 'starttls', protocol => 'qmtp' ]) {
    ok(!eval { Mail::Wire::Sink->new(@$case); 1 }, "croaks: @$case");
    like($@, qr/\AMail::Wire::Sink: bad value for option 'tls': it must be 'implicit'/, '... and says why');
}
{
    my $sink = Mail::Wire::Sink->new(tls => 'implicit', close_at => { stage => 'final', after => 1 });
    is(hello($sink, SSL => 1), 'secure success deferral', 'faults are the same in TLS');
    my $plain = IO::Socket::INET->new(PeerAddr => $sink->host, PeerPort => $sink->port) or die $!;
    print {$plain} "LHLO me\r\n";
    is(scalar(() = <$plain>), scalar(() = grep {/250/} <$plain>), 'who speaks no TLS gets no LMTP');
}

done_testing;
