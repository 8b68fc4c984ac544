# mailwire check, with a sink behind it.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use IO::Handle ();
use Mail::Wire::Sink ();
use Mail::Wire::TLS ();
use ServerProcess ();
use Test::More;

sub checked {
    my ($sink, @arguments) = @_;
    my ($code, $out, $err) = mailwire({}, 'check', $sink->url, @arguments);
    return { code => $code, out => $out, err => $err, messages => [ $sink->messages ] };
}

# Refuses BDAT, and takes the chunk for the next command.
sub run_chunks {
    my ($listener) = @_;
    accept my $link, $listener or die "accept: $!";
    $link->autoflush(1);
    my %says = (LHLO => "250-host\r\n250-PIPELINING\r\n250 CHUNKING\r\n", BDAT => "502 5.5.1 No\r\n", QUIT => "221 Bye\r\n");
    print {$link} "220 host\r\n";
    while (my $line = <$link>) {
        my ($verb) = $line =~ /\A(\w+)/;
        print {$link} $says{$verb} || "250 Ok\r\n";
    }
    return;
}

{
    my $sink = Mail::Wire::Sink->new(rcpt => { 'nobody@x' => '550 5.1.1 No such user', 'later@x' => '451 4.3.0 Later' });
    my $run = checked($sink);
    is($run->{code}, 0, 'a good server: 0') or diag($run->{out}, $run->{err});
    my $url = $sink->url;
    like($run->{out}, qr/\AOK: \Q$url\E$/m, '... OK');
    like($run->{out}, qr/^  round trip   [0-9.]+ ms$/m, '... its round trip');
    like($run->{out}, qr/^  offers       PIPELINING, CHUNKING/m, '... what it offers');
    like($run->{out}, qr/^  fence        holds$/m, '... the fence');
    like($run->{out}, qr/^  probe        passes/m, '... the probe');
    is_deeply($run->{messages}, [], '... no mail has come');
    is(checked($sink, '--rcpt', 'ann@x')->{code}, 0, 'a recipient that is taken: 0');
    $run = checked($sink, '--rcpt', 'nobody@x');
    is($run->{code}, 67, 'one that is not known: 67');
    like($run->{out}, qr/\ACRITICAL: recipient <nobody\@x>: 550 5\.1\.1 No such user$/m, '... and why');
    like($run->{out}, qr/^  probe        passes/m, '... the rest is there as well');
    is(checked($sink, '--rcpt', 'later@x')->{code}, 75, 'one that is deferred: 75');
    is(checked($sink, qw(--nagios --rcpt nobody@x))->{code}, 2, '--nagios: 2');
    is_deeply([ map { scalar @{ checked($sink, '--rcpt', $_)->{messages} } } qw(ann@x nobody@x) ], [ 0, 0 ], 'no mail has come');
}

# Servers that end the link: at what, options, exit code, what is said first. What is asked of nobody is not told.
for my $case (
    [ lhlo => 1, [], 76, qr/LHLO: 421 / ],
    [ noop => 0, [], 76, qr/NOOP: 421 / ],
    [ noop => 2, [], 76, qr/NOOP: 421 / ],
    [ mail => 0, [qw(--rcpt ann@x)], 69, qr/recipient <ann\@x>: 421 / ],
    [ rcpt => 0, [qw(--rcpt ann@x)], 75, qr/recipient <ann\@x>: 421 / ],
) {
    my ($stage, $after, $options, $code, $says) = @$case;
    my $run = checked(Mail::Wire::Sink->new(close_at => { stage => $stage, after => $after }), @$options);
    is($run->{code}, $code, "a link that ends at $stage, behind $after: $code");
    like($run->{out}, qr/\ACRITICAL: $says/, '... and why');
    like($run->{out}, qr/^  greeting     localhost LMTP Mail::Wire::Sink ready$/m, '... the greeting');
    unlike($run->{out}, qr/^  (?:fence|probe) /m, '... and nothing of what could not be tried');
}

# Servers that have learnt it otherwise.
{
    my $runs = ServerProcess->new;
    $runs->listen_on('ipv4');
    $runs->start(\&run_chunks);
    like((mailwire({}, 'check', 'lmtp://127.0.0.1:' . $runs->port))[1], qr/^  probe        fails: the server runs a refused chunk/m, 'one that runs chunks');
    $runs->stop;
    my $plain = Mail::Wire::Sink->new(lhlo => ['localhost']);
    unlike(checked($plain)->{out}, qr/^  (?:fence|probe) /m, 'neither PIPELINING nor CHUNKING: neither is asked for');
    my $qmtp = Mail::Wire::Sink->new(protocol => 'qmtp');
    is(checked($qmtp)->{code}, 0, 'QMTP: 0');
    (my $loud = $qmtp->url) =~ s/qmtp/QMTP/;
    for my $arguments ([ 'check', $qmtp->url, qw(--rcpt ann@x) ], [ 'check', $loud, qw(--rcpt ann@x) ], [ 'import', $loud, qw(--to ann@x --check-recipients t) ]) {
        my ($code, $out, $err) = mailwire({}, @$arguments);
        is($code, 64, "... whom it takes cannot be asked: 64, @$arguments[ 0, 2 ]");
        like($err, qr/QMTP has no way to ask/, '... and why');
    }
    my $busy = Mail::Wire::Sink->new(greeting => '421 4.3.2 Too many');
    my $run = checked($busy);
    is($run->{code}, 75, 'one that is busy: 75');
    like($run->{out}, qr/\ACRITICAL: .*Too many/, '... and why');
    is(checked($busy, '--nagios')->{code}, 2, '... --nagios: 2');
}
is((mailwire({}, 'check', 'lmtp:///nowhere'))[0], 69, 'nobody is there: 69');
is((mailwire({}, qw(check lmtp:///nowhere more)))[0], 64, 'two arguments: 64');
is((mailwire({}, qw(check lmtp:///nowhere --warn-days soon)))[0], 64, 'no number of days: 64');
is((mailwire({}, qw(check --nagios lmtp:///nowhere --timeout soon)))[0], 64, 'an option of the link that cannot be: 64');

SKIP: {
    skip 'no JSON::PP', 2 if !eval { require JSON::PP; 1 };
    my $sink = Mail::Wire::Sink->new;
    my $fact = JSON::PP::decode_json(checked($sink, '--json')->{out});
    is_deeply([ @{$fact}{qw(state code url fence problems)} ], [ 'OK', 0, $sink->url, 'holds', [] ], '--json');
    $fact = JSON::PP::decode_json((mailwire({}, qw(check --json lmtp:///nowhere)))[1]);
    is_deeply([ @{$fact}{qw(state code)} ], [ 'CRITICAL', 69 ], '... of nobody');
}

SKIP: {
    skip 'no IO::Socket::SSL', 7 if !Mail::Wire::TLS::is_there();
    my $sink = Mail::Wire::Sink->new(tls => 'implicit');
    my $run = checked($sink, '--tls-ca', $sink->ca_file, qw(--warn-days 0));
    is($run->{code}, 0, 'TLS: 0') or diag($run->{out}, $run->{err});
    like($run->{out}, qr/^  TLS          TLSv1/m, '... its version');
    like($run->{out}, qr/^  which lasts  [01] days$/m, '... its certificate');
    $run = checked($sink, '--tls-ca', $sink->ca_file);
    is($run->{code}, 1, 'a certificate that ends soon: 1');
    like($run->{out}, qr/\AWARNING: the certificate ends in [01] days$/m, '... a warning');
    is(checked($sink, '--nagios', '--tls-ca', $sink->ca_file)->{code}, 1, '... of --nagios as well');
    is(checked($sink)->{code}, 76, 'a certificate of nobody knows whom: 76');
}

done_testing;
