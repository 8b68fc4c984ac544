# AUTH: what auth and new take, where it may be said, what it may show its secrets to, and what follows it.

use strict;
use warnings;

use Errno qw(ECONNREFUSED EINVAL);
use Socket;
use Test::More;

use lib 't/lib';
use Interrupt;
use LMTPTest;
use ScriptedServer;

use Mail::Wire;
use Mail::Wire::AUTH;

my @plain = (expect => qr/^AUTH PLAIN AGFubgBzZWNyZXQ=$/, reply => '235 in', expect => qr/^LHLO client\.example$/, reply => '250 server.example');

# --- what is refused before anything is connected to, or sent ---

my @refused = (
    [ [ User => 'ann' ],                                   qr/User needs a Password, a Token or the mechanism EXTERNAL/ ],
    [ [ User => 'ann', Mechanisms => 'PLAIN' ],            qr/User needs a Password/ ],
    [ [ Password => 'secret' ],                            qr/Password needs a User/ ],
    [ [ User => '', Password => 'secret' ],                qr/Password needs a User/ ],
    [ [ User => 'ann', Password => '' ],                   qr/Password is empty/ ],
    [ [ User => 'ann', Password => "sec\0ret" ],           qr/Password .*NUL/ ],
    [ [ User => "a\nnn", Password => 'secret' ],           qr/User has a control character/ ],
    [ [ User => "a\0nn", Password => 'secret' ],           qr/User has a control character/ ],
    [ [ User => "ann\1", Token => 'secret' ],              qr/User has a control character/ ],
    [ [ User => 'ann', Token => '' ],                      qr/Token must be/ ],
    [ [ User => 'ann', Token => "secret\1auth=x" ],        qr/Token must be/ ],
    [ [ User => 'ann', Token => 'two secrets' ],           qr/Token must be/ ],
    [ [ User => 'ann', Token => "secret\x{e9}" ],          qr/Token must be/ ],
    [ [ User => ['ann'], Password => 'secret' ],           qr/User must be text/ ],
    [ [ User => 'ann', Password => \'secret' ],            qr/Password must be text/ ],
    [ [ User => 'ann', Token => sub { 'secret' } ],        qr/Token must be text/ ],
);
my ($port, $closed) = ScriptedServer->refusing_port;
for my $case (@refused) {
    my ($options, $why) = @$case;
    my $name = join ' ', map { my $text = $_; $text =~ s/[^ -~]/?/g; $text } @$options;
    my @got = Net::LMTP->new('127.0.0.1', $port, @$options);
    my ($error, $errno) = ($@, 0 + $!);
    is(scalar @got, 0, "new: $name");
    like($error, qr/\ANet::LMTP: $why/, '... says why');
    unlike($error, qr/secret/, '... and no secret');
    isnt($errno, ECONNREFUSED, '... before it connects');
    my %option = @$options;
    my ($lmtp, $server) = session(keywords => ['AUTH PLAIN LOGIN XOAUTH2']);
    my ($user, $password) = delete @option{qw(User Password)};
    is_deeply([ $lmtp->auth($user, $password, %option) ], [0], "auth: $name");
    is($lmtp->code, 501, '... its code');
    like($lmtp->message, $why, '... says why');
    is(wire($server), '', '... and sends nothing');
}
{
    my ($lmtp) = session(keywords => ['AUTH PLAIN']);
    for my $arguments ([], [undef], [ undef, undef ]) {
        is($lmtp->auth(@$arguments), 0, 'auth of nobody');
        like($lmtp->message, qr/auth needs a user/, '... says so');
    }
}
like(join('', warnings_of { Net::LMTP->new('127.0.0.1', $port, user => 'ann', password => 'secret') }), qr/'password', is Password meant\?.*'user', is User meant\?/s,
    'options of another case are warned of');
unlike(join('', warnings_of { Net::LMTP->new('127.0.0.1', $port, password => 'secret') }), qr/secret/, '... without their values');
close $closed;

# --- objects that are text ---

{
    package Word;
    use overload '""' => sub { ${ $_[0] } };
}
{
    my ($lmtp, $server) = script({ keywords => ['AUTH PLAIN'] }, @plain);
    ok($lmtp->auth((map { bless \(my $word = $_), 'Word' } 'ann', 'secret')), 'a user and a password that are objects');
}

# --- what new is told counts for auth ---

{
    my ($lmtp) = script({ keywords => ['AUTH PLAIN LOGIN'], Mechanisms => 'PLAIN' }, @plain);
    ok($lmtp->auth('ann', 'secret'), 'Mechanisms of new');
    is($lmtp->code, 235, '... its code stays');
    ($lmtp) = script({ keywords => ['AUTH LOGIN'], Mechanisms => 'PLAIN' });
    ok(!$lmtp->auth('ann', 'secret'), 'Mechanisms of new are all');
    is($lmtp->code, 504, '... says so');
}

# --- out of place ---

{
    my ($lmtp, $server) = session(keywords => ['AUTH PLAIN']);
    $lmtp->mail('a@x');
    is($lmtp->auth('ann', 'secret'), 0, 'auth inside a transaction');
    is($lmtp->code, 503, '... is out of place');
    is(wire($server), "MAIL FROM:<a\@x>\r\n", '... and is not sent');
    $lmtp->reset;
    $lmtp->command('NOOP');
    ok($lmtp->auth('ann', 'secret') || $lmtp->code == 250, 'behind it, and behind a reply that was not read');
    $lmtp->close;
    is($lmtp->auth('ann', 'secret'), 0, 'auth on a closed link');
    is($lmtp->code, 421, '... says so');
    ($lmtp, $server) = script({ keywords => ['AUTH PLAIN'] }, expect => qr/^MAIL/, stall => 'here');
    $lmtp->submit(From => 'a@x', To => ['b@x'], Data => 'x');
    ok(!eval { $lmtp->auth('ann', 'secret'); 1 }, 'auth while deliveries are unanswered');
    like($@, qr/deliveries are unanswered/, '... croaks');
    unlike($@, qr/secret/, '... without the password');
    $lmtp->close;
    $server->release;
}

# --- who may see a secret ---

{
    my ($lmtp, $server) = script({ keywords => ['AUTH PLAIN XOAUTH2'] }, @plain);
    no warnings 'redefine';
    local *Mail::Wire::AUTH::is_private = sub { 0 };
    for my $case ([ PLAIN => 'ann', 'secret' ], [ XOAUTH2 => 'ann', undef, Token => 'secret' ]) {
        my ($mechanism, @arguments) = @$case;
        is($lmtp->auth(@arguments), 0, "$mechanism where others may read");
        is($lmtp->code, 538, '... is refused here');
        like($lmtp->message, qr/\A$mechanism shows the secret .*TLS.*AllowPlaintextAuth\n\z/, '... says what it needs');
    }
    is(wire($server), '', '... and nothing is sent');
    ok($lmtp->auth('ann', 'secret', AllowPlaintextAuth => 1), 'AllowPlaintextAuth');
    ($lmtp) = script({ keywords => ['AUTH PLAIN'], AllowPlaintextAuth => 1 }, @plain);
    ok($lmtp->auth('ann', 'secret'), '... of new');
}
for my $listen ('ipv4', 'unix', ScriptedServer->has_ipv6 ? 'ipv6' : ()) {
    my $server = ScriptedServer->new(listen => $listen, script => ScriptedServer::session());
    is(Mail::Wire::AUTH::is_private(connect_to($server)), 1, "$listen is private");
}

# A socket for datagrams has a peer without a byte being sent.
my @addresses = ([ '127.1.2.3' => 1 ], [ '192.0.2.1' => 0 ], [ '128.0.0.1' => 0 ]);
push @addresses, [ '::1' => 1 ], [ '::ffff:127.0.0.9' => 1 ], [ '::ffff:192.0.2.1' => 0 ], [ '2001:db8::1' => 0 ] if defined &Socket::inet_pton;
for my $case (@addresses) {
    my ($address, $expected) = @$case;
    my $family = $address =~ /:/ ? Socket::AF_INET6() : AF_INET;
    my $packed = $address =~ /:/ ? Socket::inet_pton($family, $address) : inet_aton($address);
    my $name = $address =~ /:/ ? Socket::pack_sockaddr_in6(9, $packed) : pack_sockaddr_in(9, $packed);
    SKIP: {
        my $socket;
        skip "no way to $address here", 1 if !socket($socket, $family, SOCK_DGRAM, 0) || !connect $socket, $name;
        is(Mail::Wire::AUTH::is_private($socket), $expected, "$address is " . ($expected ? 'private' : 'not'));
    }
}

# --- a server that falls out of step ---

my @start = (expect => qr/^AUTH LOGIN/, reply => '334 ');
my @steps = (
    [ 'closes in front of its reply',  [ expect => qr/^AUTH/, close => 1 ],                                421, qr/Connection closed/, 0 ],
    [ 'closes in the exchange',        [ @start, expect => 'YW5u', close => 1 ],                           421, qr/Connection closed/, 0 ],
    [ 'says 421',                      [ @start, expect => 'YW5u', reply => '421 4.3.2 going' ],           421, qr/\A4\.3\.2 going\n\z/, 0 ],
    [ 'says what is no reply',         [ @start, expect => 'YW5u', reply => 'c2VjcmV0 what?' ],            421, qr/\ALOGIN: what the server says is no reply\n\z/, 0 ],
    [ 'answers before it is asked',    [ @start[ 0, 1 ], reply => [ '334 ', '235 in' ] ],                  421, qr/./, 0 ],
    [ 'says 235 to what gives up',     [ @start, (expect => 'YW5u', reply => '334 '), (expect => 'c2VjcmV0', reply => '334 '), expect => '*', reply => '235 in' ],
        501, qr/\ALOGIN: the server asks for more/, 0 ],
    [ 'asks for ever',                 [ @start, (expect => 'YW5u', reply => '334 '), (expect => 'c2VjcmV0', reply => '334 '), expect => '*', reply => '334 ' ],
        501, qr/\ALOGIN: the server asks for more/, 0 ],
    [ 'closes as it is given up',      [ @start, (expect => 'YW5u', reply => '334 '), (expect => 'c2VjcmV0', reply => '334 '), expect => '*', close => 1 ],
        501, qr/\ALOGIN: the server asks for more/, 0 ],
    [ 'refuses the second LHLO',       [ expect => qr/^AUTH LOGIN/, reply => '235 in', expect => qr/^LHLO/, reply => '550 no more' ], 550, qr/\Ano more\n\z/, 1 ],
);
for my $case (@steps) {
    my ($name, $dialogue, $code, $message, $goes_on) = @$case;
    my ($lmtp, $server) = script({ keywords => ['AUTH LOGIN'] }, @$dialogue);
    my @warnings = warnings_of { is($lmtp->auth(qw(ann secret)), 0, "a server that $name"); };
    is($lmtp->code, $code, '... the code');
    like($lmtp->message, $message, '... the words');
    is($lmtp->opened ? 1 : 0, $goes_on, '... the link');
    is_deeply([ $server->problems ], [], '... the dialogue');
    is_deeply(\@warnings, [], '... no warning');
}

# A late challenge would make the next command its answer.
for my $in_front (1, 0) {
    my @dialogue = $in_front ? @start[ 0, 1 ] : (@start, expect => 'YW5u');
    my ($lmtp, $server) = script({ keywords => ['AUTH LOGIN'] }, @dialogue, stall => 'here');
    $lmtp->timeout(0.2);
    is($lmtp->auth('ann', 'secret'), 0, 'a wait that runs out');
    is($lmtp->code, 421, '... says so');
    like($lmtp->message, qr/Timeout/, '... in words');
    ok(!$lmtp->opened, '... closes the link');
    $server->release;
    ($lmtp, $server) = script({ keywords => ['AUTH LOGIN'] }, @dialogue, stall => 'here');
    my ($ran, $error) = interrupt(sub { $server->passed('here') }, sub { die "enough\n" }, sub { $lmtp->auth('ann', 'secret') });
    is($error, "enough\n", 'a handler that dies in the exchange');
    ok(!$lmtp->opened, '... closes the link');
    $server->release;
}
{
    my ($server) = ScriptedServer->new(script => [ hello_script('AUTH LOGIN'), @start[ 0, 1 ], stall => 'here' ]);
    ok(!Net::LMTP->new($server->args, User => 'ann', Password => 'secret', StageTimeout => { auth => 0.2 }), 'StageTimeout: auth');
    like($@, qr/\ANet::LMTP: AUTH: 421 \[Net::LMTP\] Timeout\z/, '... says so');
    $server->release;
}

# --- deliveries on a link with an AUTH under way ---

{
    my ($lmtp, $server) = script({ keywords => [ 'AUTH LOGIN', 'PIPELINING' ] }, @start, expect => undef);
    ok(!$lmtp->_AUTH('LOGIN'), 'AUTH by hand, not ended');
    is_deeply([ map { $_->code } $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => 'x') ], [421], '... no delivery is an answer to it');
    is(wire($server), "AUTH LOGIN\r\n", '... nothing is sent');
    ($lmtp, $server) = session(keywords => ['AUTH PLAIN'], AUTH => '235 in');
    $lmtp->command('AUTH', 'PLAIN', '=');
    is_deeply([ map { $_->code } $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => 'x') ], [250], 'AUTH by hand, its reply not read: it is before a delivery');
}

# --- hooks ---

{
    package Hooked;
    our @ISA = ('Net::LMTP');
    our @said;
    sub command  { my $self = shift; push @said, "@_"; return $self->SUPER::command(@_) }
    sub response { my $self = shift; my $digit = $self->SUPER::response(@_); push @said, $digit; return $digit }
    sub hello    { my $self = shift; push @said, 'hello'; return $self->SUPER::hello(@_) }
}
{
    my ($lmtp) = script({ class => 'Hooked', keywords => ['AUTH PLAIN'] }, @plain);
    @Hooked::said = ();
    ok($lmtp->auth('ann', 'secret'), 'a class with methods of its own');
    is_deeply(\@Hooked::said, [ 'AUTH PLAIN AGFubgBzZWNyZXQ=', 2, 'hello', 'LHLO client.example', 2 ], '... they are called');
}

# --- an Authen::SASL, as far as it can be tested without one ---

{
    package Authen::SASL;
    our ($made, @answers);
    sub new { my ($class, %arg) = @_; return bless {%arg}, $class }
    sub mechanism { my $self = shift; $self->{mechanism} = shift if @_; return $self->{mechanism} }
    sub callback { $_[0]{callback}{ $_[1] } }
    sub client_new {
        my ($self, $service, $host, $flags) = @_;
        $made .= "$self->{mechanism} $service/$host;";
        die "No SASL mechanism found\n" if $self->{mechanism} eq 'UNKNOWN';
        die "enough\n" if $self->{mechanism} eq 'DYING';
        return bless { mechanism => $self->{mechanism} }, 'Fake::Client';
    }

    package Fake::Client;
    sub property     { return }
    sub client_start { '' }
    sub client_step  { return shift @Authen::SASL::answers }
    sub error        { 'it is the wrong one' }
    sub is_success   { $_[0]{mechanism} eq 'DIGEST-MD5' && !@Authen::SASL::answers }
}
local @INC{qw(Authen/SASL.pm Digest/HMAC_MD5.pm)} = (__FILE__) x 2;

my @again = (expect => qr/^LHLO/, reply => '250 server.example');
my @sasl = (
    [ 'its own list, in its order',  'UNKNOWN CRAM-MD5 EXTERNAL', 'EXTERNAL CRAM-MD5 UNKNOWN', ['abc'], [ expect => 'AUTH CRAM-MD5', reply => '334 YQ==', expect => 'YWJj', reply => '235 in', @again ], 235 ],
    [ 'an empty initial response',   'EXTERNAL', 'EXTERNAL', [], [ expect => 'AUTH EXTERNAL =', reply => '235 in', @again ], 235 ],
    [ 'none that it has',            'UNKNOWN', 'UNKNOWN', [], [], 504, qr/\AUNKNOWN: Authen::SASL does not have it\n\z/ ],
    [ 'none in common',              'CRAM-MD5', 'PLAIN', [], [], 504, qr/No mechanism in common/ ],
    [ 'no answer',                   'CRAM-MD5', 'CRAM-MD5', [], [ expect => 'AUTH CRAM-MD5', reply => '334 YQ==', expect => '*', reply => '501 no' ], 501, qr/\ACRAM-MD5: it is the wrong one\n\z/ ],
    [ 'an empty answer',             'CRAM-MD5', 'CRAM-MD5', [ '', 'x' ], [ expect => 'AUTH CRAM-MD5', reply => '334', expect => '', reply => '334', expect => 'eA==', reply => '235 in', @again ], 235 ],
    [ 'challenges without an end',   'CRAM-MD5', 'CRAM-MD5', [ ('xyzzy') x 100 ],
        [ expect => 'AUTH CRAM-MD5', (reply => '334', expect => 'eHl6enk=') x 16, reply => '334', expect => '*', reply => '501 no' ], 501, qr/again and again/ ],
    [ 'a security layer',            'DIGEST-MD5', 'DIGEST-MD5', ['username="a",qop=auth-int,nc=1'],
        [ expect => 'AUTH DIGEST-MD5', reply => '334 YQ==', expect => '*', reply => '501 no' ], 501, qr/security layer/ ],
    [ 'a server without proof',      'DIGEST-MD5', 'DIGEST-MD5', [ 'username="a",qop=auth,nc=1', '' ],
        [ expect => 'AUTH DIGEST-MD5', reply => '334 YQ==', expect => qr/=$/, reply => '235 in' ], 501, qr/has not proved/ ],
    [ 'one with proof',              'DIGEST-MD5', 'DIGEST-MD5', [ 'username="a",qop=auth,nc=1', '' ],
        [ expect => 'AUTH DIGEST-MD5', reply => '334 YQ==', expect => qr/=$/, reply => '334 YQ==', expect => '', reply => '235 in', @again ], 235 ],
);
for my $case (@sasl) {
    my ($name, $own, $offered, $answers, $dialogue, $code, $message) = @$case;
    my ($lmtp, $server) = script({ keywords => ["AUTH $offered"] }, @$dialogue);
    @Authen::SASL::answers = @$answers;
    my $sasl = Authen::SASL->new(mechanism => $own);
    is($lmtp->auth($sasl), $code == 235 ? 1 : 0, "Authen::SASL: $name") or diag $lmtp->message;
    is($lmtp->code, $code, '... the code');
    like($lmtp->message, $message, '... the words') if $message;
    is($sasl->mechanism, $own, '... its list is what it was');
    is_deeply([ $server->problems ], [], '... the dialogue');
}
like($Authen::SASL::made, qr{CRAM-MD5 lmtp/127\.0\.0\.1;}, 'the service is lmtp');
{
    my ($lmtp, $server) = script({ keywords => ['AUTH DYING'] });
    ok(!eval { $lmtp->auth(Authen::SASL->new(mechanism => 'DYING')); 1 }, 'what else dies in it');
    is($@, "enough\n", '... comes out of it');
}

# --- modules that are not there ---

{
    delete local $INC{'Authen/SASL.pm'};
    delete local $INC{'Authen/SCRAM/Client.pm'};
    local @INC = (sub { return if $_[1] !~ m{^Authen/}; die "Can't locate $_[1] in \@INC\n" }, @INC);
    my ($lmtp) = script({ keywords => ['AUTH SCRAM-SHA-256 CRAM-MD5'] });
    is($lmtp->auth('ann', 'secret', Mechanisms => 'SCRAM-SHA-256 CRAM-MD5'), 0, 'without modules');
    is($lmtp->message, "SCRAM-SHA-256: the module Authen::SCRAM::Client is missing (Debian: libauthen-scram-perl)\n"
        . "CRAM-MD5: the module Authen::SASL is missing (Debian: libauthen-sasl-perl)\n", '... says which, and their packages');
    ($lmtp) = script({ keywords => ['AUTH SCRAM-SHA-256 PLAIN'] }, @plain);
    ok($lmtp->auth('ann', 'secret'), 'a mechanism that needs none goes without');
}

# --- QMTP has neither AUTH nor STARTTLS ---

for my $case ((map { [ $_ => 'secret', qr/authentication\z/ ] } qw(User Password Token)), map { [ StartTLS => $_, qr/STARTTLS; SSL => 1/ ] } qw(require offered)) {
    my ($option, $value, $words) = @$case;
    for my $new (sub { Mail::Wire->connect('qmtp://127.0.0.1', @_) }, sub { Net::QMTP->new('127.0.0.1', DeferConnect => 1, @_) }) {
        $! = 0;
        ok(!$new->($option => $value), "$option => $value for QMTP");
        like($@, qr/\ANet::QMTP: QMTP has no $words/, '... is refused');
        is(0 + $!, EINVAL, '... with $!');
    }
}

done_testing;
