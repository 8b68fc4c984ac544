# Mail::Wire->connect: where URLs lead, and which lead nowhere.

use strict;
use warnings;

use File::Temp ();
use Mail::Wire;
use Mail::Wire::Sink;
use Mail::Wire::URL;
use Test::More;

use lib 't/lib';
use ScriptedServer;

# --- taking them apart ---

for my $case (
    # URL, scheme, host, port
    [ 'lmtp://mail.example.org:24',        'lmtp', 'mail.example.org', 24 ],
    [ 'LMTP://Mail.Example.ORG:24/',       'lmtp', 'Mail.Example.ORG', 24 ],
    [ 'lmtp://127.0.0.1:65535',            'lmtp', '127.0.0.1', 65535 ],
    [ 'lmtp://a_b-c:024',                  'lmtp', 'a_b-c', 24 ],
    [ 'lmtp://Timeout:24',                 'lmtp', 'Timeout', 24 ],
    [ 'lmtp://[::1]:24',                   'lmtp', '[::1]', 24 ],
    [ 'lmtp://[2001:DB8::192.0.2.1]:1',    'lmtp', '[2001:DB8::192.0.2.1]', 1 ],
    [ 'lmtp://[fe80::1%25eth0]:24',        'lmtp', '[fe80::1%eth0]', 24 ],
    [ 'lmtp:///run/dovecot/lmtp',          'lmtp', '/run/dovecot/lmtp', undef ],
    [ 'lmtp:///a%20b/%25/c%3Fd%23/%c3%A9', 'lmtp', "/a b/%/c?d#/\xc3\xa9", undef ],
    [ 'lmtp:///user@host:24',              'lmtp', '/user@host:24', undef ],
    [ 'qmtp://mail.example.org',           'qmtp', 'mail.example.org', 209 ],
    [ 'qmtp://mail.example.org:',          'qmtp', 'mail.example.org', 209 ],
    [ 'qmtp://mail.example.org/',          'qmtp', 'mail.example.org', 209 ],
    [ 'qmtp://mail.example.org:2009',      'qmtp', 'mail.example.org', 2009 ],
    [ 'qmtp://[::1]',                      'qmtp', '[::1]', 209 ],
    [ 'qmtp:///run/qmtp',                  'qmtp', '/run/qmtp', undef ],
) {
    my ($url, $scheme, $host, $port) = @$case;
    my ($place, $wrong) = Mail::Wire::URL::parsed($url);
    is_deeply($place, { scheme => $scheme, host => $host, port => $port }, $url) or diag($wrong);
}

# --- those that lead nowhere ---

for my $case (
    # URL, what $@ says
    [ '',                              qr/no scheme/ ],
    [ 'mail.example.org',              qr/no scheme/ ],
    [ '//mail.example.org:24',         qr/no scheme/ ],
    [ '/run/dovecot/lmtp',             qr/no scheme/ ],
    [ '127.0.0.1:24',                  qr/no scheme/ ],
    [ 'smtp://mail.example.org:25',    qr/smtp: no such scheme/ ],
    [ 'localhost:24',                  qr/localhost: no such scheme/ ],
    [ 'lmtp:mail.example.org:24',      qr{no //} ],
    [ 'lmtp:/run/socket',              qr{no //} ],
    [ 'lmtp://',                       qr/neither a host nor the path/ ],
    [ 'lmtp:///',                      qr/neither a host nor the path/ ],
    [ 'qmtp://',                       qr/neither a host nor the path/ ],
    [ 'lmtp://:24',                    qr/no host/ ],
    [ 'qmtp://:209',                   qr/no host/ ],
    [ 'lmtp://mail.example.org',       qr/no port/ ],
    [ 'lmtp://mail.example.org:',      qr/no port/ ],
    [ 'lmtp://[::1]',                  qr/no port/ ],
    [ 'lmtp://mail.example.org:0',     qr/bad port, '0'/ ],
    [ 'lmtp://mail.example.org:65536', qr/bad port/ ],
    [ 'lmtp://mail.example.org:lmtp',  qr/bad port, 'lmtp'/ ],
    [ 'lmtp://mail.example.org:-1',    qr/bad port/ ],
    [ 'lmtp://mail.example.org:+24',   qr/bad port/ ],
    [ 'lmtp://mail.example.org:2.4',   qr/bad port/ ],
    [ 'qmtp://mail.example.org:1e3',   qr/bad port/ ],
    [ 'lmtp://::1:24',                 qr/IPv6 addresses go in brackets/ ],
    [ 'lmtp://[::1:24',                qr/neither a name nor an address/ ],
    [ 'lmtp://[::1]24',                qr/neither a name nor an address/ ],
    [ 'lmtp://[mail]:24',              qr/bad host/ ],
    [ 'lmtp://[]:24',                  qr/bad host/ ],
    [ 'lmtp://a%2Fb:24',               qr/bad host/ ],
    [ 'lmtp://a%00b:24',               qr/bad host/ ],
    [ 'lmtp://host:24/run/socket',     qr/path behind the host/ ],
    [ 'lmtp://run/socket',             qr/path behind the host/ ],
    [ 'lmtp://host:24?a=b',            qr/query or a fragment/ ],
    [ 'lmtp://host:24/#a',             qr/query or a fragment/ ],
    [ 'lmtp:///run/socket?a',          qr/query or a fragment/ ],
    [ 'lmtp:///run/socket#a',          qr/query or a fragment/ ],
    [ 'lmtp:///run/a%2',               qr/begins no escape/ ],
    [ 'lmtp:///run/a%zz',              qr/begins no escape/ ],
    [ 'lmtp:///run/a%00b',             qr/NUL/ ],
    [ 'lmtp:///run/a b',               qr/%-escapes/ ],
    [ "lmtp://host:24\n",              qr/%-escapes/ ],
    [ "lmtp:///run/\x{e9}",            qr/%-escapes/ ],
    [ "lmtp:///run/\x{263a}",          qr/%-escapes/ ],
    [ 'lmtp://ann@host:24',            qr/a user: it is given by the options User and Password/ ],
    [ 'lmtp://ann:secret@host:24',     qr/a user: it is given by the options User and Password/ ],
    [ 'qmtp://ann:secret@host',        qr/a user: it is given by the options User and Password/ ],
    [ 'lmtp://@host:24',               qr/a user: it is given by the options User and Password/ ],
    [ "lmtp://ann:secret\@host:24\n",  qr/%-escapes/ ],
) {
    my ($url, $why) = @$case;
    (my $name = $url) =~ s/([^\x20-\x7e])/sprintf '\x{%x}', ord $1/ge;
    local $@ = 'before';
    my @got = Mail::Wire->connect($url);
    my $reason = $@;
    is(scalar @got, 0, "'$name' leads nowhere");
    like($reason, qr/\AMail::Wire: /, '... $@ says who');
    like($reason, $why, '... and why');
    unlike($reason, qr/secret/, '... but no password');
}

for my $case ([ 'no URL' ], [ 'undef', undef ], [ 'undef and options', undef, Timeout => 5 ], [ 'odd options', 'lmtp://h:24', 'Timeout' ]) {
    my ($name, @arguments) = @$case;
    ok(!eval { Mail::Wire->connect(@arguments); 1 }, "$name croaks");
    like($@, qr/\Ausage: .* at \Q$0\E /, '... with the usage, at the caller\'s line');
}

# --- connecting ---

my @to = ('ann@example.org', 'ben@example.org');

sub is_used {
    my ($name, $sink, $class, @options) = @_;
    my $client = Mail::Wire->connect($sink->url, @options);
    is(ref $client, $class, "$name: a $class") or return diag($@);
    if ($class eq 'Net::LMTP') {
        is($client->host, $sink->host =~ /:/ ? '[' . $sink->host . ']' : $sink->host, '... host');
        ok((grep { $_->is_success } $client->deliver(From => 'from@x', To => \@to, Data => "x\n")) == 2, '... delivers');
        return $client->quit;
    }
    $client->sender('from@x');
    $client->recipient($_) for @to;
    $client->message("x\n");
    ok($client->send, '... sends');
    return $client->disconnect;
}

my $folder = File::Temp->newdir;
for my $protocol (qw(lmtp qmtp)) {
    my $class = 'Net::' . uc $protocol;
    is_used("$protocol over TCP", Mail::Wire::Sink->new(protocol => $protocol), $class);
    is_used("$protocol over a UNIX-domain socket", Mail::Wire::Sink->new(protocol => $protocol, path => "$folder/$protocol"), $class);
    # The URL says where, whatever options do.
    is_used("$protocol with options", Mail::Wire::Sink->new(protocol => $protocol), $class,
        Whatever => 1, Host => 'nowhere.invalid', Port => 1, Timeout => 20);
    SKIP: {
        skip 'no IPv6 here', 3 if !ScriptedServer->has_ipv6;
        skip 'no IO::Socket::IP, which a sink of IPv6 needs', 3 if !eval { require IO::Socket::IP; 1 };
        is_used("$protocol over IPv6", Mail::Wire::Sink->new(protocol => $protocol, address => '::1'), $class);
    }
}

{
    my $sink = Mail::Wire::Sink->new(path => "$folder/with space % and #");
    my $client = Mail::Wire->connect("lmtp://$folder/with%20space%20%25%20and%20%23", Hello => 'me.example');
    isa_ok($client, 'Net::LMTP', 'a path with escapes:') or diag($@);
    $client->quit;
    is(($sink->commands)[0], 'LHLO me.example', 'options are passed on');
}

# What its url says leads to a sink, whatever its path.
for my $name ('with space', 'with?query#and fragment', '100%', '%41', "octets \xe9\xff", substr("\xe9\x{263a}", 0, 1), "line\nend", q{:@!$&'()*+,;=~_-.[]}) {
    for my $protocol (qw(lmtp qmtp)) {
        my $sink = Mail::Wire::Sink->new(protocol => $protocol, path => "$folder/$name");
        (my $shown = $name) =~ s/([^\x20-\x7e])/sprintf '\x{%x}', ord $1/ge;
        like($sink->url, qr{\A$protocol:///[\x21-\x7e]+\z}, "$protocol, a path '$shown'");
        my $client = Mail::Wire->connect($sink->url);
        isa_ok($client, 'Net::' . uc $protocol, '... its url leads to it:') or diag($@);
    }
}

for my $case (
    [ 'lmtp', Timeout => -1, qr/Timeout/ ], [ 'lmtp', StartTLS => 1, qr/StartTLS/ ], [ 'lmtp', Window => 0, qr/Window/ ],
    [ 'qmtp', Timeout => -1, qr/Timeout/ ],
) {
    my ($scheme, $option, $value, $why) = @$case;
    ok(!Mail::Wire->connect("$scheme://127.0.0.1:9", $option => $value), "$scheme with a bad $option");
    like($@, $why, '... says why');
}

for my $scheme (qw(lmtp qmtp)) {
    my ($port, $keep) = ScriptedServer->refusing_port;
    ok(!Mail::Wire->connect("$scheme://127.0.0.1:$port"), "$scheme: a refused connection");
    like($@, qr/connect to 127\.0\.0\.1 port $port: /, '... $@ says so');
}

done_testing;
