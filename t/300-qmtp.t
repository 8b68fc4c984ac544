# Net::QMTP as scripts know it: constructor, envelope, message, send and its hash.

use strict;
use warnings;

use Errno qw(ECONNREFUSED EINVAL);
use Socket qw(AF_INET AF_INET6);
use Test::More;

use lib 't/lib';
use Net::QMTP;
use QMTPServer;

sub warnings_of {
    my ($code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my @result = $code->();
    return (join('', @warnings), @result);
}

sub envelope {
    my ($qmtp, $sender, @recipients) = @_;
    $qmtp->new_envelope;
    $qmtp->sender($sender);
    $qmtp->recipient($_) for @recipients;
    return;
}

# ---- what it is

{
    my $server = QMTPServer->new([]);
    my $qmtp   = QMTPServer::client($server);
    isa_ok($qmtp, 'Net::QMTP');
    is(Scalar::Util::reftype($qmtp), 'HASH', 'a blessed hash');
    is_deeply([ keys %$qmtp ], ['net_qmtp'], '... with one key of ours');
    is($qmtp->server, '127.0.0.1', 'server');
    my $other = $qmtp->new($server->host, Port => $server->port);
    isa_ok($other, 'Net::QMTP', 'new on an object makes');
    cmp_ok($Net::QMTP::VERSION, '>', 0.06, 'newer than any before');
}

{
    package My::QMTP;
    our @ISA = 'Net::QMTP';
    our @calls;
    sub new {
        my ($class, $host, %option) = @_;
        my $self = $class->SUPER::new($host, %option) or return;
        @$self{qw(message sender link)} = ('mine', 'mine', 'mine');
        return bless $self, $class;
    }
    sub disconnect { push @calls, 'disconnect'; return $_[0]->SUPER::disconnect }
    sub DESTROY    { push @calls, 'destroy';    return $_[0]->SUPER::DESTROY }
}

{
    my $server = QMTPServer->new(['Kok']);
    my $qmtp = My::QMTP->new($server->host, Port => $server->port);
    isa_ok($qmtp, 'My::QMTP');
    envelope($qmtp, 's', 'a');
    $qmtp->message('m');
    is_deeply($qmtp->send, { a => 'success: ok' }, 'a subclass may keep keys of any name');
    undef $qmtp;
    is_deeply(\@My::QMTP::calls, [qw(destroy disconnect)], 'the destructor calls disconnect');
    ok($server->await('eof'), '... which closes');
}

# ---- the constructor

for my $host ([], [undef], ['']) {
    ok(!eval { Net::QMTP->new(@$host); 1 }, 'no server: croaks');
    like($@, qr/^No server specified in constructor at \Q${\__FILE__}\E line/, '... in words that are known');
}

{
    my ($port, $held) = ScriptedServer->refusing_port;
    my @got = Net::QMTP->new('127.0.0.1', Port => $port);
    my $errno = 0 + $!;
    is_deeply(\@got, [undef], 'a refused connection: undef');
    is($errno, ECONNREFUSED, '... with $!');
    like($@, qr/127\.0\.0\.1.*$port/, '... and $@');
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => $port, DeferConnect => 1);
    ok($qmtp, 'DeferConnect does not connect');
    is($qmtp->reconnect, undef, '... reconnect does');
    is(0 + $!, ECONNREFUSED, '... with $!');
    isnt($qmtp->error, '', '... and error');
}

is(Net::QMTP->new('no-such-host.invalid'), undef, 'a name with no address: undef');
like($@, qr/no-such-host\.invalid/, '... with $@');
ok($!, '... and $!');
is(Net::QMTP->new('127.0.0.1', Port => 'no-such-service'), undef, 'a service that is none: undef');
{
    my $server = QMTPServer->new(['Kok']);
    my $beyond = $server->port + 65536;
    for my $place ([ '127.0.0.1', Port => $beyond ], ["127.0.0.1:$beyond"]) {
        is(Net::QMTP->new(@$place), undef, "a port of more than 16 bits, @$place: undef");
        like($@, qr/connect to 127\.0\.0\.1 port $beyond: port numbers go from 0 to 65535/, '... with $@');
    }
    my $qmtp = Net::QMTP->new('127.0.0.1', Port => $beyond, Blocking => 0, DeferConnect => 1);
    $qmtp->submit(From => 's', To => ['r'], Data => '');
    $qmtp->advance;
    is(join(' ', map { $_->stage } $qmtp->collect->results), 'connect', '... also without waiting');
    like($qmtp->error, qr/port numbers go from 0 to 65535/, '... with an error');
    is($server->connections, 0, '... and nobody was reached');
}
is(Net::QMTP->new('/no/such/socket'), undef, 'a socket that is not there: undef');
like($@, qr{/no/such/socket}, '... with $@');
is(Net::QMTP->new('/' . 'x' x 200), undef, 'a path that is too long for a socket: undef');

for my $option (qw(Timeout ConnectTimeout NextReplyTimeout)) {
    for my $bad (-1, 'soon', '', '5 s', "5\n", ' 5', 9**9**9, -9**9**9) {
        is(Net::QMTP->new('127.0.0.1', DeferConnect => 1, $option => $bad), undef, "$option => '$bad': undef");
        like($@, qr/^Net::QMTP: $option must be a number of seconds.*, not '\Q$bad\E'/, '... and $@ says so');
    }
    for my $good (undef, 0, 0.5, '30', 1e3) {
        ok(Net::QMTP->new('127.0.0.1', DeferConnect => 1, $option => $good),
            "$option => " . (defined $good ? $good : 'undef'));
    }
}

ok(Net::QMTP->new('127.0.0.1', DeferConnect => 1, SSL => 0), 'SSL => 0 is none');
ok(Net::QMTP->new('127.0.0.1', DeferConnect => 1, NoSuchOption => 1), 'unknown options are ignored');

{
    my $server = QMTPServer->new([]);
    my $where = $server->host . ':' . $server->port;
    ok(Net::QMTP->new($where), 'host:port');
    ok(Net::QMTP->new($server->host, Port => $server->port, Domain => AF_INET), 'Domain');
    is(Net::QMTP->new($server->host, Port => $server->port, Family => AF_INET6), undef, 'a Family that the host has not');
    ok(Net::QMTP->new($server->host, Port => $server->port, LocalAddr => '127.0.0.1'), 'LocalAddr');
    is(Net::QMTP->new($server->host, Port => $server->port, LocalAddr => '192.0.2.1'), undef, 'a LocalAddr that is not ours');
}

# ---- envelope and message without a connection

sub offline { return Net::QMTP->new('127.0.0.1', DeferConnect => 1, @_) }

{
    my $qmtp = offline();
    is($qmtp->sender, undef, 'sender: none');
    is($qmtp->sender(''), '', 'sender: empty');
    is($qmtp->sender, '', '... kept');
    is($qmtp->sender('s@x'), 's@x', 'sender: set');
    is_deeply($qmtp->recipient, [], 'recipient: an empty list');
    is_deeply($qmtp->recipient('a'), ['a'], 'recipient: added');
    push @{ $qmtp->recipient }, 'b';
    is_deeply($qmtp->recipient('c'), [qw(a b c)], 'recipient: the list is live');
    is($qmtp->server, '127.0.0.1', 'server');
    is($qmtp->server('192.0.2.7'), '192.0.2.7', 'server: set');
    ok($qmtp->new_envelope, 'new_envelope');
    is($qmtp->sender, undef, '... forgets the sender');
    is_deeply($qmtp->recipient, [], '... and the recipients');
    is($qmtp->server, '192.0.2.7', '... not the server');
    is($qmtp->message, undef, 'message: none');
    is($qmtp->message(''), '', 'message: empty');
    is($qmtp->message('a'), 'a', 'message: appended');
    is($qmtp->message("b\n"), "ab\n", '... twice');
    is($qmtp->message(undef), "ab\n", '... undef is nothing');
    ok($qmtp->new_message, 'new_message');
    is($qmtp->message, undef, '... forgets it');
    is($qmtp->message_from_file, undef, 'message_from_file: none');
    is($qmtp->message_from_file('/no/such/file'), '/no/such/file', 'message_from_file: noted, not opened');
    is($qmtp->message_from_file, '/no/such/file', '... and told');
}

{
    my $qmtp = offline();
    $qmtp->message('text');
    my ($warning, $result) = warnings_of(sub { $qmtp->message_from_file('f') });
    is($result, undef, 'message_from_file after message: undef');
    like($warning, qr/^message_from_file: .*new_message.* at \Q${\__FILE__}\E line/, '... and a carp');
    isnt($qmtp->error, '', '... and an error');
    is($qmtp->message, 'text', '... the message stays');
    $qmtp->new_message;
    $qmtp->message_from_file('f');
    for my $arguments ([], ['x']) {
        ($warning, $result) = warnings_of(sub { scalar $qmtp->message(@$arguments) });
        is($result, undef, 'message after message_from_file: undef');
        like($warning, qr/^message: .*new_message.* at \Q${\__FILE__}\E line/, '... and a carp');
    }
    $qmtp->new_message;
    is($qmtp->message('x'), 'x', 'new_message clears the way');
}

for my $case ([ "\n", "\012" ], [ "\015\012", "\015" ], [ undef, "\012" ], [ '', "\012" ], [ \1024, "\012" ]) {
    my ($separator, $expected) = @$case;
    local $/ = $separator;
    is(offline()->encoding, $expected, 'encoding: guessed from $/');
}

{
    my $qmtp = offline();
    is($qmtp->encoding('dos'),  "\015", 'encoding: dos');
    is($qmtp->encoding,         "\015", '... kept');
    is($qmtp->encoding('unix'), "\012", 'encoding: unix');
    is($qmtp->encoding($_), "\012", 'encoding: nothing sets nothing') for '', undef;
    for my $bad ('mac', 'DOS') {
        ok(!eval { $qmtp->encoding($bad); 1 }, 'encoding: croaks for another');
        like($@, qr/^Unknown encoding .* at \Q${\__FILE__}\E line/, '... and says where');
    }
    is($qmtp->encoding, "\012", '... and stays as it was');
}

{
    my $qmtp = offline();
    is($qmtp->send, undef, 'send with nothing: undef');
    is($qmtp->error, 'send: no sender', '... for want of a sender');
    $qmtp->sender('');
    is($qmtp->send, undef, 'with an empty sender');
    is($qmtp->error, 'send: no recipient', '... for want of a recipient');
    $qmtp->recipient('a');
    is($qmtp->send, undef, 'with a recipient');
    is($qmtp->error, 'send: no message', '... for want of a message');
    $qmtp->message('');
    is($qmtp->send, undef, 'with an empty message');
    is($qmtp->error, 'send: no connection', '... for want of a connection');
    is(join(' ', map { $_->as_string } $qmtp->results), '<a>: deferral (connect) 450 send: no connection', '... and a deferral');
    my ($warning, @result) = warnings_of(sub { $qmtp->disconnect });
    is_deeply(\@result, [undef], 'disconnect with no connection: undef');
    like($warning, qr/^disconnect: no connection at \Q${\__FILE__}\E line/, '... and a carp');
}

{
    my $qmtp = offline();
    ok(!eval { $qmtp->message("\x{20ac}"); 1 }, 'a wide character in a message: croaks');
    like($@, qr/^Wide character in message.* at \Q${\__FILE__}\E line/, '... and says where');
    is($qmtp->message, undef, '... and leaves the message alone');
}

# ---- packages

for my $kind (qw(ipv4 ipv6 unix)) {
    SKIP: {
        skip 'no IPv6 here', 3 if $kind eq 'ipv6' && !ScriptedServer->has_ipv6;
        my $server = QMTPServer->new({ listen => $kind }, [ 'K1', 'Z2', 'D3' ]);
        my $qmtp = QMTPServer::client($server);
        envelope($qmtp, 's@x', qw(a b c));
        $qmtp->message("line\n");
        is_deeply($qmtp->send, { a => 'success: 1', b => 'deferral: 2', c => 'failure: 3' }, "$kind: one answer each")
            or diag $@;
        is($qmtp->error, '', "$kind: no error");
        is($server->received, "6:\nline\n,3:s\@x,12:1:a,1:b,1:c,,", "$kind: the package");
    }
}

my %packages = (
    'dos line ends'   => { eol => "\015", message => "a\r\nb\r\n",      sender => 's',        rcpts => ['r'] },
    'empty message'   => { eol => "\012", message => '',                sender => 's',        rcpts => ['r'] },
    'empty sender'    => { eol => "\012", message => "m\n",             sender => '',         rcpts => ['r'] },
    'empty recipient' => { eol => "\012", message => "m\n",             sender => 's',        rcpts => ['']  },
    '8-bit octets'    => { eol => "\012", message => "\xe9\0\xff\n",    sender => "\xe9",     rcpts => ["\xff\0"] },
    'no last newline' => { eol => "\012", message => "\n\n.\n.",        sender => 's',        rcpts => ['r'] },
    'many recipients' => { eol => "\012", message => "m\n",             sender => 's',        rcpts => [ 1 .. 2000 ] },
    'a megabyte'      => { eol => "\012", message => "0123456\n" x 2**17, sender => 's',      rcpts => ['r', 's'] },
);
for my $name (sort keys %packages) {
    my $package = $packages{$name};
    my $server = QMTPServer->new([ map {"K$_"} @{ $package->{rcpts} } ]);
    my $qmtp = QMTPServer::client($server);
    envelope($qmtp, $package->{sender}, @{ $package->{rcpts} });
    $qmtp->encoding($package->{eol} eq "\012" ? 'unix' : 'dos');
    $qmtp->message($package->{message});
    is_deeply($qmtp->send, { map { $_ => "success: $_" } @{ $package->{rcpts} } }, "$name: answers");
    is_deeply([ QMTPServer::packages($server->received) ], [$package], "$name: package");
}

{
    my $server = QMTPServer->new([ 'Kok', 'Kok' ]);
    my $qmtp = QMTPServer::client($server);
    my $latin = "\xe9";
    utf8::upgrade($latin);
    envelope($qmtp, "$latin\@x", "$latin\@x", "\x{20ac}\@x");
    $qmtp->message("\xff");
    $qmtp->message($latin);
    is_deeply($qmtp->send, { "\xe9\@x" => 'success: ok', "\x{20ac}\@x" => 'success: ok' }, 'characters: keys as given');
    is_deeply([ QMTPServer::packages($server->received) ],
        [ { eol => "\012", message => "\xff\xe9", sender => "\xe9\@x", rcpts => [ "\xe9\@x", "\xe2\x82\xac\@x" ] } ],
        'characters: bytes where they fit, UTF-8 in addresses where not');
}

# ---- equal recipients, results

my @equal = (
    [ [qw(Ka Kb)]    => 'success: a' ],
    [ [qw(Ka Zb)]    => 'deferral: b' ],
    [ [qw(Za Kb)]    => 'deferral: a' ],
    [ [qw(Za Db Kc)] => 'failure: b' ],
    [ [qw(Da Zb Kc)] => 'failure: a' ],
    [ [qw(Da Db)]    => 'failure: a' ],
);
for my $case (@equal) {
    my ($answers, $worst) = @$case;
    my $server = QMTPServer->new($answers);
    my $qmtp = QMTPServer::client($server);
    envelope($qmtp, 's', ('r') x @$answers);
    $qmtp->message('m');
    is_deeply($qmtp->send, { r => $worst }, "@$answers: the hash has the worst");
    my %code = (K => 250, Z => 450, D => 550);
    is_deeply([ map { $_->code . $_->message } $qmtp->results ], [ map { $code{ substr $_, 0, 1 } . substr $_, 1 } @$answers ],
        '... results have all');
}

{
    my $server = QMTPServer->new([ 'Kok 1 qp 2', 'Dno mailbox (#5.1.1)' ]);
    my $qmtp = QMTPServer::client($server);
    envelope($qmtp, 's', 'a', 'b');
    $qmtp->message('m');
    $qmtp->send;
    my ($first, $second) = $qmtp->results;
    isa_ok($first, 'Mail::Wire::Result');
    my @fields = qw(recipient index status code enhanced message stage maybe_delivered);
    is_deeply([ map { $first->$_ || 0 } @fields ], [ 'a', 0, 'success', 250, 0, 'ok 1 qp 2', 'final', 0 ], 'a result');
    is_deeply([ map { $second->$_ || 0 } @fields ], [ 'b', 1, 'failure', 550, '5.1.1', 'no mailbox (#5.1.1)', 'final', 0 ],
        '... and one with an enhanced status code');
    is_deeply(scalar $qmtp->results, [ $first, $second ], 'results in scalar context');
}

# ---- several packages on one connection, connections that come and go

{
    my $server = QMTPServer->new(['K1'], [ 'K2', 'D2' ], ['Z3']);
    my $qmtp = QMTPServer::client($server);
    $qmtp->message("m\n");
    envelope($qmtp, 's', 'a');
    is_deeply($qmtp->send, { a => 'success: 1' }, 'first package');
    $qmtp->recipient('b');
    is_deeply($qmtp->send, { a => 'success: 2', b => 'failure: 2' }, 'the envelope stays, and grows');
    envelope($qmtp, 't', 'c');
    $qmtp->new_message;
    $qmtp->message("n\n");
    is_deeply($qmtp->send, { c => 'deferral: 3' }, 'third package');
    is_deeply([ map { $_->{sender} . $_->{message} . "@{ $_->{rcpts} }" } QMTPServer::packages($server->received) ],
        [ "sm\na", "sm\na b", "tn\nc" ], 'all on the wire');
    is($server->connections, 1, '... of one connection');
}

{
    my $server = QMTPServer->new(['Kok']);
    my $qmtp = QMTPServer::client($server);
    envelope($qmtp, 's', 'a');
    $qmtp->message('m');
    ok($qmtp->disconnect, 'disconnect');
    ok($server->await('eof'), '... closes');
    is($qmtp->send, undef, 'send is undef then');
    ok($qmtp->reconnect, 'reconnect');
    is_deeply($qmtp->send, { a => 'success: ok' }, 'send works again, envelope and message are there');
    ok($qmtp->reconnect, 'reconnect with a connection');
    ok($server->await('eof 1'), '... closes it');
    is($server->connections, 3, '... and makes another');
    $qmtp->server('/no/such/socket');
    is_deeply($qmtp->send, { a => 'success: ok' }, 'a new server has no effect yet');
    is($qmtp->reconnect, undef, '... but when reconnecting');
    is($qmtp->send, undef, '... and there is no connection then');
}

for my $none (undef, '') {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $server = QMTPServer->new(['Kok']);
    my @order = (From => 's', To => ['a'], Data => '');
    my $name = defined $none ? 'an empty server' : 'no server';
    my $qmtp = QMTPServer::client($server);
    $qmtp->server($none);
    is($qmtp->reconnect, undef, "$name: reconnect fails");
    is(0 + $!, EINVAL, '... with $!');
    is($@, 'no server to connect to', '... and $@');
    is($qmtp->error, 'no server to connect to', '... and error');
    is(join(' ', map { $_->stage . ' ' . $_->message } $qmtp->deliver(@order)), 'connect no server to connect to', "$name: deliver");
    ok($qmtp->server($server->path || $server->host . ':' . $server->port), '... until there is one');
    is(join(' ', map { $_->message } $qmtp->deliver(@order)), 'ok', '... which is used then');

    $qmtp = QMTPServer::client($server, DeferConnect => 1, Blocking => 0);
    $qmtp->server($none);
    $qmtp->submit(@order);
    $qmtp->advance;
    is(join(' ', map { $_->stage . ' ' . $_->message } $qmtp->collect->results), 'connect no server to connect to', "$name: without waiting");
    is_deeply(\@warnings, [], '... and no warning');
}

{
    my $server = QMTPServer->new(['Kok'], ['Kok']);
    my $qmtp = QMTPServer::client($server);
    envelope($qmtp, 's', 'a');
    $qmtp->message('m');
    $qmtp->send;
    no warnings 'redefine';
    local *Net::QMTP::_session_life = sub {0};
    is_deeply($qmtp->send, { a => 'success: ok' }, 'an old session');
    is($server->connections, 2, '... is re-opened first');
    $qmtp->server('/no/such/socket');
    is($qmtp->send, undef, '... or not');
    like($qmtp->error, qr{/no/such/socket}, '... which is told');
}

# ---- Debug, SYNOPSIS

{
    my $server = QMTPServer->new(["Kok\n\e[1m"]);
    open my $saved, '>&', \*STDERR or die "STDERR: $!";
    close STDERR;
    open STDERR, '>', \my $said or die "STDERR: $!";
    my $qmtp = QMTPServer::client($server, Debug => 1);
    envelope($qmtp, 's', 'a@x');
    $qmtp->message('m');
    $qmtp->send;
    $qmtp->disconnect;
    close STDERR;
    open STDERR, '>&', $saved or die "STDERR: $!";
    my $port = $server->port;
    like($said, qr/connecting.*$port/, 'Debug: connecting');
    like($said, qr/sending 1 bytes to 1 recipients/, 'Debug: sending');
    like($said, qr/a\@x.*ok.*\\x1b\[1m/, 'Debug: the answer, with no control characters');
    like($said, qr/disconnected/, 'Debug: disconnecting');
    is(scalar(grep { !/^Net::QMTP: [\x20-\x7e]+$/ } split /\n/, $said), 0, 'Debug: a line each');
}

{
    open my $source, '<', $INC{'Net/QMTP.pm'} or die "Net/QMTP.pm: $!";
    my ($synopsis) = do { local $/; <$source> } =~ /^=head1 SYNOPSIS\n(.*?)^=head1/ms;
    my $server = QMTPServer->new([ 'Kone', 'Dtwo' ], [ 'Kthree', 'Zfour' ]);
    $synopsis =~ s/'mail\.example\.org', Port => 209/"'127.0.0.1', Port => " . $server->port/e or die 'another SYNOPSIS';
    my $printed = '';
    {
        open my $out, '>', \$printed or die "memory: $!";
        my $old = select $out;
        my $code = eval "sub { $synopsis }" or die $@;
        $code->();
        select $old;
    }
    is($printed, <<'PRINTED', 'the SYNOPSIS runs');
bar@example.org: failure: two
foo@example.org: success: one
<foo@example.org>: success (final) 250 three
<bar@example.org>: deferral (final) 450 four
PRINTED
}

# ---- addresses and texts as people have them

{
    package Text;
    use overload '""' => sub { $_[0][0] }, fallback => 1;
}

for my $case (
    [ 'a list'               => [ 'a', 'b', 'c' ],              [qw(a b c)] ],
    [ 'a reference to one'   => [ [ 'a', 'b' ], 'c' ],          [qw(a b c)] ],
    [ 'an empty one'         => [ [] ],                         [] ],
    [ 'white space'          => [ " a\t", "b\n", "c\r\n" ],     [qw(a b c)] ],
    [ 'brackets'             => [ '<a@x>', " <b\@x>\n", '<>' ], [ 'a@x', 'b@x', '' ] ],
    [ 'a name'               => [ 'Joe <a@x>' ],                ['a@x'] ],
    [ 'quotes'               => [ '"<b> c"@x' ],                ['"<b> c"@x'] ],
    [ 'an object'            => [ bless(['a@x'], 'Text') ],     ['a@x'] ],
) {
    my ($name, $given, $want) = @$case;
    is_deeply(offline()->recipient(@$given), $want, "recipient: $name");
    next if !@$want;
    my $server = QMTPServer->new([ ('Kok') x @$want ], [ ('Kok') x @$want ]);
    my $qmtp = QMTPServer::client($server);
    $qmtp->sender(" <s\@x>\n");
    is($qmtp->sender, 's@x', '... the sender is read in the same way');
    push @{ $qmtp->recipient }, map { ref $_ eq 'ARRAY' ? @$_ : $_ } @$given;
    $qmtp->message('m');
    is_deeply($qmtp->send, { map { $_ => 'success: ok' } @$want }, '... pushed to the live list');
    is_deeply([ map { $_->recipient } $qmtp->deliver(From => "<s\@x>", To => [ map { ref $_ eq 'ARRAY' ? @$_ : $_ } @$given ], Data => 'm') ],
        $want, '... and delivered to');
    is_deeply([ map { [ $_->{sender}, @{ $_->{rcpts} } ] } QMTPServer::packages($server->received) ], [ ([ 's@x', @$want ]) x 2 ], '... on the wire');
}

for my $reference ({}, sub { }, \'a', bless({}, 'Some::Class'), [ [] ]) {
    my $name = ref $reference;
    my $qmtp = offline();
    ok(!eval { $qmtp->recipient('a', $reference); 1 }, "recipient: $name croaks");
    like($@, qr/reference for an address.* at \Q${\__FILE__}\E/, '... and says why');
    is_deeply($qmtp->recipient, [], '... and nobody was added');
    ok(!eval { $qmtp->sender($reference); 1 }, "sender: $name croaks");
    next if $name eq 'SCALAR';
    ok(!eval { $qmtp->message($reference); 1 }, "message: $name croaks");
    is($qmtp->message, undef, '... and there is none');
}

# What is undefined is no address.
{
    my $qmtp = offline();
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    is_deeply($qmtp->recipient('a', undef, [ undef, 'b' ]), [ 'a', 'b' ], 'recipient: undef is left out');
    like("@warnings", qr/\Arecipient: an undefined address is left out at \Q${\__FILE__}\E line @{[ __LINE__ - 1 ]}\.?\n\z/, '... with a warning');
    push @{ $qmtp->recipient }, undef;
    $qmtp->sender('s');
    $qmtp->message('m');
    ok(!eval { $qmtp->send; 1 }, '... pushed to the live list');
    like($@, qr/\Asend has an undefined address among its recipients at \Q${\__FILE__}\E line @{[ __LINE__ - 1 ]}/, '... it makes send croak');
}

{
    open my $file, '<', __FILE__ or die $!;
    my $all = do { local $/; <$file> };
    seek $file, 0, 0;
    is(offline()->message(\'text'), 'text', 'message: a reference to a string');
    is(offline()->message($file), $all, 'message: a handle');
    is(offline()->message(bless ['text'], 'Text'), 'text', 'message: an object');
    is(offline()->message(undef), '', 'message: undef is an empty one');
}

# ---- methods are called as methods

{
    package Counting;
    our @ISA = 'Net::QMTP';
    our @calls;
    sub reconnect  { push @calls, 'reconnect';  return $_[0]->SUPER::reconnect }
    sub disconnect { push @calls, 'disconnect'; return $_[0]->SUPER::disconnect }
}

{
    my $server = QMTPServer->new([]);
    ($@, $!) = ("as it was\n", 7);
    my $qmtp = Counting->new($server->host, Port => $server->port);
    is($@, "as it was\n", 'new: $@ is untouched');
    is(0 + $!, 7, '... and $!');
    is("@Counting::calls", 'reconnect', 'new calls the method reconnect');
    $qmtp->reconnect;
    is("@Counting::calls", 'reconnect reconnect disconnect', 'reconnect calls the method disconnect');
    is($qmtp->is_connected, 1, 'is_connected');
    is($qmtp->host, '127.0.0.1', 'host');
    ok($qmtp->close, 'close');
    is($qmtp->is_connected, 0, '... closes');
    my ($warning, $result) = warnings_of(sub { $qmtp->close });
    ok(!$result && !$warning, '... once, without a carp');
    ok($qmtp->quit, 'quit is true');
    is($qmtp->last_error, $qmtp->error, 'last_error');
}

# ---- options

{
    my $server = QMTPServer->new(['Kok']);
    my ($host, $port) = ($server->host, $server->port);
    for my $form ([ Host => $host, Port => $port ], [ PeerAddr => $host, PeerPort => $port ], [ Port => $port, Host => $host ],
        [ $host, PeerPort => $port ], [ $host, Port => "no-such-service($port)" ], ["$host:no-such-service($port)"]) {
        my $qmtp = Net::QMTP->new(@$form);
        ok($qmtp && $qmtp->is_connected, "new(@$form)");
    }
    ok(!eval { Net::QMTP->new(Port => $port, Debug => 0); 1 }, 'new without a host among the options croaks');
    my ($warning) = warnings_of(sub { offline(timeout => 5, DEBUG => 0, Other => 1) });
    like($warning, qr/unknown option 'DEBUG', is Debug meant\? at .*\n.*unknown option 'timeout', is Timeout meant\? at/, 'options in another case: a warning');
    ($warning) = warnings_of(sub { offline(Debug => 1)->reconnect });
    like($warning, qr/\ANet::QMTP: connecting to 127\.0\.0\.1 port 209$/m, 'Debug passes $SIG{__WARN__}');
}

# ---- copies by Storable

{
    require Storable;
    my $server = QMTPServer->new(['Kok']);
    for my $defer (1, 0) {
        my $qmtp = Net::QMTP->new($server->host, Port => $server->port, DeferConnect => $defer);
        ok(!eval { Storable::dclone($qmtp); 1 }, 'dclone dies, DeferConnect => ' . $defer);
        like($@, qr/Net::QMTP: an object cannot be copied/, '... with words of ours');
        is($qmtp->is_connected ? 1 : 0, $defer ? 0 : 1, '... and leaves the object as it is');
    }
}

# ---- a server that answers once a package and closes: the next send connects again

{
    my $server = QMTPServer->new(sub { my ($peer) = @_; QMTPServer::take($peer); $peer->send('3:Kok,'); $peer->close });
    my $qmtp = QMTPServer::client($server);
    envelope($qmtp, 's', 'a', 'b');
    $qmtp->message('m');
    for my $round (1, 2) {
        is_deeply($qmtp->send, { a => 'success: ok', b => 'deferral: connection closed' }, "one answer for two, $round");
        ok(!$qmtp->is_connected, '... and no link');
    }
    is($server->connections, 2, '... each over a connection of its own');
    $qmtp->close;
    is($qmtp->send, undef, '... but none when the caller has closed');
    is($qmtp->error, 'send: no connection', '... which error says');
}

done_testing;
