# What is no plain string where an address, an option or a text is due: a reference's address is never mail.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use File::Temp ();
use LMTPTest;

{
    package Says;
    use overload '""' => sub { $_[0]{text} }, fallback => 1;
    sub new { my ($class, $text) = @_; return bless { text => $text }, $class }
}
{
    package Plain;
    sub new { return bless { address => 'a@x', phrase => 'b@x' }, shift }
}
{
    package Compares;    # overloads something, but says no text
    use overload '==' => sub { 1 };
    sub new { return bless {}, shift }
}
{
    package Reads;
    sub TIEHANDLE { my ($class, @pieces) = @_; return bless [@pieces], $class }
    sub READ {
        my ($self) = @_;
        my $piece = shift @$self;
        $_[1] = defined $piece ? $piece : '';
        return ref $piece ? -1 : length $_[1];
    }
}
{
    package Gives;
    sub TIESCALAR { my ($class, $value) = @_; return bless \$value, $class }
    sub FETCH { return ${ $_[0] } }
}

sub handle_on {
    my ($text) = @_;
    my $file = File::Temp->new;
    print {$file} $text;
    seek $file, 0, 0;
    return $file;
}

my $open = "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\n";
my $text = "one\n.two\n";
my $sent = "one\r\n..two\r\n";

# ---- texts

open my $memory, '<', \"$text" or die $!;
open my $plain, '<', do { my $file = handle_on($text); $file->unlink_on_destroy(0); "$file" } or die $!;
tie my $magical, 'Gives', \$text;
tie *TIED, 'Reads', "on", "e\n.t", "wo\n";
{ no warnings 'once'; open GLOB, '<', \"$text" or die $!; }

my %good = (
    'a reference to a string' => sub { \$text },
    'one behind a tied variable' => sub { $magical },
    'a reference to a constant' => sub { \"one\n.two\n" },
    'a reference to a part'   => sub { my $longer = "xone\n.two\nx"; \substr $longer, 1, 9 },
    'a handle'                => sub { seek $plain, 0, 0; $plain },
    'a handle on a string'    => sub { seek $memory, 0, 0; $memory },
    'a glob'                  => sub { seek GLOB, 0, 0; *GLOB },
    'a reference to a glob'   => sub { seek GLOB, 0, 0; \*GLOB },
    'an IO'                   => sub { seek GLOB, 0, 0; *GLOB{IO} },
    'a File::Temp'            => sub { handle_on($text) },
    'a tied handle'           => sub { tie *TIED, 'Reads', "on", "e\n.t", "wo\n"; \*TIED },
    'an object'               => sub { Says->new($text) },
);

for my $name (sort keys %good) {
    my $make = $good{$name};
    for my $case (
        [ 'datasend'             => sub { $_[0]->datasend($_[1]) } ],
        [ 'datasend, in a list'  => sub { $_[0]->datasend('', $_[1], '') } ],
        [ 'datasend, in a list by reference' => sub { $_[0]->datasend([ '', $_[1] ]) } ],
        [ 'print'                => sub { my $fh = $_[0]->tied_fh; print {$fh} $_[1] } ],
    ) {
        my ($way, $code) = @$case;
        my ($lmtp, $server) = session();
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        $lmtp->data;
        ok($code->($lmtp, $make->()), "$way of $name");
        ok($lmtp->dataend, '... ended');
        is(wire($server), "${open}DATA\r\n$sent.\r\n", '... its text is sent');
    }
    for my $list (0, 1) {
        my ($lmtp, $server) = session();
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        ok($lmtp->data($list ? [ $make->() ] : $make->()), 'data of ' . ($list ? 'a list with ' : '') . $name);
        is(wire($server), "${open}DATA\r\n$sent.\r\n", '... its text is sent');
    }
    my ($lmtp, $server) = session(keywords => [qw(CHUNKING 8BITMIME)]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->bdat($make->()), "bdat of $name");
    ok($lmtp->bdatlast($make->()), '... and bdatlast');
    is(wire($server), "${open}BDAT 9\r\n${text}BDAT 9 LAST\r\n$text", '... its text is sent');
}

{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    $lmtp->data;
    ok($lmtp->rawdatasend(\"raw\r\n"), 'rawdatasend of a reference to a string');
    ok($lmtp->dataend, '... ended');
    is(wire($server), "${open}DATA\r\nraw\r\n.\r\n", '... its text is sent');
}

# More than is kept at once, and read in its turn.
{
    my $big = join '', map { "line $_ of many\n" } 1 .. 20_000;
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok($lmtp->data("first\n", handle_on($big), \"last\n"), 'data of a text, a large handle and a reference');
    (my $wire = "first\n${big}last\n") =~ s/\n/\r\n/g;
    is(wire($server), "${open}DATA\r\n$wire.\r\n", '... in this order');
}

my $closed = handle_on('');
close $closed;
my %bad = (
    'a hash'               => sub { {} },
    'code'                 => sub { sub { 'x' } },
    'a plain object'       => sub { Plain->new },
    'an object that says nothing' => sub { Compares->new },
    'a reference to a reference'  => sub { \\'x' },
    'a reference to undef' => sub { \undef },
    'a pattern'            => sub { qr/x/ },
    'a blessed string'     => sub { bless \(my $string = 'x'), 'Plain' },
    'a list in a list'     => sub { [ ['x'] ] },
    'a hash in a list'     => sub { [ 'x', {} ] },
    'a closed handle'      => sub { $closed },
    'a tied variable with a hash' => sub { tie my $tied, 'Gives', {}; \$tied; },
);

for my $name (sort keys %bad) {
    my ($lmtp, $server) = session(keywords => [qw(CHUNKING 8BITMIME)]);
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    for my $method (qw(data bdat bdatlast)) {
        ok(!eval { $lmtp->$method($bad{$name}->()); 1 }, "$method of $name croaks");
        like($@, qr/ at \Q$0\E line/, '... at the line of the caller');
        is(wire($server), $open, '... nothing sent');
    }
    $lmtp->data;
    $lmtp->datasend("x\n");
    for my $method (qw(datasend rawdatasend)) {
        ok(!eval { $lmtp->$method($bad{$name}->()); 1 }, "$method of $name croaks");
        ok(!eval { $lmtp->$method("y\n", $bad{$name}->()); 1 }, '... behind a string, too');
    }
    my $fh = $lmtp->tied_fh;
    ok(!eval { print {$fh} $bad{$name}->(); 1 }, "print of $name croaks");
    ok(!eval { printf {$fh} '%s', $bad{$name}->(); 1 }, "printf of $name croaks");
    ok($lmtp->dataend, '... and the message can be ended');
    is(wire($server), "${open}DATA\r\nx\r\n.\r\n", '... nothing of it sent');
}

# A client is no text, whoever's it is.
{
    my ($lmtp, $server) = session();
    my ($other) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok(!eval { $lmtp->data($_); 1 }, 'data of a client croaks') for $lmtp, $other;
}

# What cannot be read to its end is no message.
for my $case (
    [ 'says -1'  => sub { tie *TIED, 'Reads', "half\n", []; \*TIED } ],
    [ 'is wide'  => sub { open my $fh, '<:encoding(UTF-8)', \"half\n\xe2\x98\x83\n" or die $!; $fh } ],
    [ 'dies'     => sub { no warnings 'once'; no warnings 'redefine'; local *Dies::READ; tie *DIES, 'Dies'; \*DIES } ],
) {
    my ($name, $make) = @$case;
    for my $begun (qw(data datasend bdat bdatlast), 'begun bdatlast') {
        (my $way = $begun) =~ s/begun //;
        next if $way =~ /bdat/ && $name eq 'is wide';
        my ($lmtp, $server) = session(keywords => ['CHUNKING']);
        $lmtp->mail('a@x');
        $lmtp->to('b@x');
        $lmtp->data && $lmtp->datasend("start\n") if $way eq 'datasend';
        $lmtp->bdat("start\r\n") if $begun =~ /begun/;
        ok(!eval { $lmtp->$way($make->()) }, "$begun of a handle that $name");
        if (!$@) {
            is($lmtp->code, 421, '... code 421');
            like($lmtp->message, qr/cannot read/, '... says why');
        }
        ok(!$lmtp->dataend, '... dataend is false') if $way !~ /bdat/;
        ok(!eval { $lmtp->bdatlast("\r\n") }, '... and so is bdatlast');
        is_deeply([ map { $_->status . ' ' . $_->stage } $lmtp->results ], ['deferral body'], '... a deferral, stage body');
        unlike(wire($server), qr/^\.\r$|LAST/m, '... the message is not ended');
    }
}
{
    package Dies;
    sub TIEHANDLE { return bless {}, shift }
}

# ---- addresses

my %address = (
    'an object'        => [ sub { Says->new('Ann <a@y>') }, '<a@y>' ],
    'a tied variable'  => [ sub { tie my $tied, 'Gives', 'a@y'; $tied }, '<a@y>' ],
);
for my $name (sort keys %address) {
    my ($make, $path) = @{ $address{$name} };
    for my $method (qw(mail send send_or_mail send_and_mail)) {
        my ($lmtp, $server) = session(SEND => '250 ok', SOML => '250 ok', SAML => '250 ok');
        $lmtp->$method($make->());
        like(wire($server), qr/^[A-Z]+ FROM:\Q$path\E\r\n\z/, "$method with $name");
    }
    my ($lmtp, $server) = session();
    $lmtp->mail('s@x');
    is($lmtp->$_($make->()), 1, "$_ with $name") for qw(recipient to cc bcc);
    is($lmtp->to($make->(), 'b@x'), 1, '... and with a string');
    is(wire($server), "MAIL FROM:<s\@x>\r\n" . "RCPT TO:$path\r\n" x 5 . "RCPT TO:<b\@x>\r\n", '... is its string');
}

my $none = qr/Net::LMTP::\w+ has a reference for an address.* at \Q$0\E line/;
for my $name (grep { !/undef|list|closed/ } sort keys %bad) {
    my ($lmtp, $server) = session();
    for my $method (qw(mail send send_or_mail send_and_mail)) {
        ok(!eval { $lmtp->$method($bad{$name}->()); 1 }, "$method with $name croaks");
        like($@, $none, '... at the line of the caller');
    }
    $lmtp->mail('s@x');
    for my $method (qw(recipient to cc bcc)) {
        next if $name eq 'a hash';    # options
        ok(!eval { $lmtp->$method($bad{$name}->()); 1 }, "$method with $name croaks");
        like($@, $none, '... at the line of the caller');
        ok(!eval { $lmtp->$method('b@x', $bad{$name}->(), { SkipBad => 1 }); 1 }, '... in a list, too');
    }
    is(wire($server), "MAIL FROM:<s\@x>\r\n", '... nothing sent');
}

# ---- options

{
    my ($lmtp, $server) = session(keywords => [qw(DSN SIZE)]);
    for my $value ({}, [], \'x', sub { }, Plain->new) {
        for my $name (qw(Size Envelope ENVID)) {
            ok(!$lmtp->mail('a@x', $name => $value), "mail: $name is " . ref $value);
            is($lmtp->code, 501, '... code 501');
        }
    }
    ok($lmtp->mail('a@x', ENVID => Says->new('id')), 'mail: an object for an option');
    ok(!$lmtp->to('b@x', { ORcpt => {} }), 'recipient: a hash for an option');
    is(wire($server), "MAIL FROM:<a\@x> ENVID=id\r\n", '... nothing else sent');
}

done_testing;
