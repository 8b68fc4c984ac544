# Content of unknown size is read before anything is sent, up to EagerBody: what ends there goes as a string does. And what a caller has given is
# what it was when the call began, whatever his code does meanwhile.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use DeliveryTest;
use File::Temp ();
use LMTPTest;
use Mail::Wire::Sink;
use Net::LMTP;

my $sink = Mail::Wire::Sink->new;
my @link = $sink->url =~ m{//(.*):(\d+)};

sub client { return Net::LMTP->new(@link, Hello => 'client.example', @_) || die $@ }

sub order { return (From => 's@x', To => ['a@x'], @_) }

# What the sink has got since it was asked last.
sub got {
    my @data = map { $_->{data} } $sink->messages;
    s/\r//g for @data;
    $sink->clear;
    return @data;
}

# ---- each kind of content, at once and in pieces

my $line = "0123456789abcde\n";
for my $size (1, 10, 1000, 20_000) {
    my $text = $line x $size;
    my $file = File::Temp->new;
    print {$file} $text;
    close $file;
    for my $case (
        [ 'a string'     => sub { $text } ],
        [ 'a reference'  => sub { \$text } ],
        [ 'a list'       => sub { [ ($line) x $size ] } ],
        [ 'a list with a number in it' => sub { [ ($line) x ($size - 1), substr($line, 0, 15), "\n" ] } ],
        [ 'code'         => sub { my $left = $size; sub { $left-- > 0 ? $line : undef } } ],
        [ 'code that gives all of it' => sub { my @pieces = ($text); sub { shift @pieces } } ],
        [ 'code that gives nothing now and then' => sub { my @pieces = ('', $text, ''); sub { shift @pieces } } ],
        [ 'a handle'     => sub { open my $fh, '<', "$file" or die $!; $fh } ],
        [ 'a decoded one' => sub { open my $fh, '<:encoding(UTF-8)', "$file" or die $!; $fh } ],
        [ 'one in memory' => sub { open my $fh, '<', \$text or die $!; $fh } ],
        [ 'the rest of one' => sub { open my $fh, '<', "$file" or die $!; readline $fh; $fh }, substr $text, 16 ],
    ) {
        my ($name, $make, $wanted) = @$case;
        $wanted = $text if not defined $wanted;
        for my $eager (0, 5, 100_000) {
            my $lmtp = client(EagerBody => $eager);
            is(codes($lmtp->deliver(order(Data => $make->()))), '250', "$name, $size lines, EagerBody $eager");
            ok($lmtp->submit(order(Data => $make->())), '... submitted');
            is(codes($lmtp->collect->results), '250', '... collected');
            $lmtp->quit;
            my @got = got();
            ok(@got == 2 && $got[0] eq $wanted && $got[1] eq $wanted, '... both whole') or diag(map { length } @got);
        }
    }
}

# ---- the code dies

for my $method (qw(deliver submit)) {
    my $lmtp = client();
    my $kept = $lmtp->submit(order(Data => "first\n"));
    my @pieces = ("one\n", "two\n");
    ok(!eval { $lmtp->$method(order(Data => sub { shift @pieces or die "no more\n" })); 1 }, "$method: the code dies");
    is($@, "no more\n", '... of its own words');
    is(codes($lmtp->results), '421-body', '... nobody has it');
    is($lmtp->in_flight, 1, '... it is not in flight');
    ok($lmtp->opened, '... the link is as good as before');
    is($lmtp->collect->id, $kept, '... what was before it is there');
    is(codes($lmtp->deliver(order(Data => "next\n"))), '250', '... the next one goes');
    $lmtp->quit;
    is_deeply([ got() ], [ "first\n", "next\n" ], '... nothing of it was sent');
}

# ---- it is not asked before there is room

{
    my ($lmtp) = script({ Blocking => 0, Window => 1 }, stall => undef);
    my $asked = 0;
    my $file = File::Temp->new;
    print {$file} "text\n";
    close $file;
    open my $fh, '<', "$file" or die $!;
    ok($lmtp->submit(order(Data => "first\n")), 'the window is full');
    is($lmtp->submit(order(Data => sub { $asked++; undef })), undef, '... code is not taken');
    is($asked, 0, '... nor asked');
    is($lmtp->submit(order(Data => $fh)), undef, '... a handle is not taken');
    is(tell $fh, 0, '... nor read');
    $lmtp->close;
    $lmtp->collect;
    got();
}

# ---- Progress knows how much there is

{
    my ($lmtp, @pieces, @shown) = (client(), "one\n", "two\n");
    $lmtp->deliver(order(Data => sub { shift @pieces }, Progress => sub { push @shown, [@_] }));
    is_deeply($shown[-1], [ 8, 8 ], 'Progress of what was read at once');
    $lmtp->quit;
    got();
}

# ---- a handler of warnings, and an object, change what the call was given

{
    package Says;
    use overload '""' => sub { my ($self) = @_; $self->{act}->(); return $self->{text} }, fallback => 1;
}

for my $how ('a warning', 'an object', 'code') {
    my ($lmtp, $server) = session();
    my ($from, $data, $size, @to) = ('s@x', "text\n", 5, 'a@x', 'b@x', 'c@x');
    my $act = sub { ($from, $data, $size) = ('evil@x', "evil\n", 'evil'); @to = (); my @other = map {"evil$_"} 1 .. 200 };
    local $SIG{__WARN__} = $act;
    my %more = (
        'a warning' => [ Bits => 'binary' ],
        'an object' => [ From => bless({ text => 's@x', act => $act }, 'Says') ],
        'code'      => [ Data => do { my @pieces = ("text\n"); sub { $act->(); shift @pieces } } ],
    );
    my @results = $lmtp->deliver(From => $from, To => \@to, Data => $data, @{ $more{$how} });
    is(join(' ', map { $_->recipient } @results), 'a@x b@x c@x', "$how changes what was given: the results");
    my $wire = wire($server);
    like($wire, qr/\AMAIL FROM:<s\@x>/, '... the sender');
    is(scalar(() = $wire =~ /^RCPT/mg), 3, '... the recipients');
    like($wire, qr/^text\r$/m, '... the text');
    unlike($wire, qr/evil/, '... are what they were');
}

# ---- croaks name the caller's line, and are results, too

for my $case (
    [ [ To => ['a@x'], Data => "x\n", 'Odd' ],                 qr/\Adeliver: an odd number of arguments/ ],
    [ [ To => [], Data => "x\n" ],                             qr/\Adeliver: To must be an address, or a reference to a list/ ],
    [ [ To => {}, Data => "x\n" ],                             qr/\Adeliver: To must be an address, or a reference to a list/ ],
    [ [ To => ['a@x'], Data => "x\n", Deadline => 'soon' ],    qr/\Adeliver: Deadline must be a number of seconds above 0, not 'soon'/, 1 ],
    [ [ To => ['a@x'], Data => "x\n", Deadline => "5\n" ],     qr/\Adeliver: Deadline must be a number of seconds above 0, not '5\n'/, 1 ],
    [ [ To => ['a@x'], Data => "x\n", Progress => [] ],        qr/\Adeliver: Progress must be a reference to code/, 1 ],
    [ [ To => ['a@x'], Data => "x\n", Zzz => 1, Aaa => 1 ],    qr/\Adeliver: unknown argument Aaa Zzz/, 1 ],
    [ [ To => ['a@x'] ],                                       qr/\AData, File or Range is needed, and only one of them/, 1 ],
    [ [ To => ['a@x'], Data => 'x', File => 'x' ],             qr/\AData, File or Range is needed, and only one of them/, 1 ],
    [ [ To => [undef], Data => 'x' ],                          qr/\Adeliver: To has an undefined address/, 1 ],
    [ [ To => [ [ 'a@x', [] ] ], Data => 'x' ],                qr/\Adeliver: the options of a recipient must be a reference to a hash/, 1 ],
    [ [ To => [ {} ], Data => 'x' ],                           qr/\Adeliver: To has a reference for an address: HASH/, 1 ],
    [ [ From => [], To => ['a@x'], Data => 'x' ],              qr/\Adeliver: From has a reference for an address: ARRAY/, 1 ],
    [ [ To => ['a@x'], Data => "\x{263a}" ],                   qr/\AWide character in a message/, 1 ],
    [ [ To => ['a@x'], Data => sub { "\x{263a}" } ],           qr/\AWide character in a message/, 1 ],
    [ [ To => ['a@x'], Data => ["\x{263a}"] ],                 qr/\AWide character in a message/, 1 ],
    [ [ To => ['a@x'], Data => ['x', undef] ],                 qr/\AData has an undefined line/, 1 ],
    [ [ To => ['a@x'], Data => ['x', {}] ],                    qr/\AData has a reference in its list/, 1 ],
    [ [ To => ['a@x'], Data => 'x', Size => 'x' ],             qr/\ASize must be a number of bytes, not 'x'/, 1 ],
    [ [ To => ['a@x'], Data => 'x', Size => 1e15 ],            qr/\ASize must be a number of bytes, not '1e\+?15'/, 1 ],
    [ [ To => ['a@x'], Data => 'x', ENVID => 'a b' ],          qr/\ABad character in option ENVID of mail/, 1 ],
    [ [ To => ['a@x'], Data => 'x', ENVID => {} ],             qr/\AThe option ENVID of mail is a reference/, 1 ],
) {
    my ($arguments, $why, $results) = @$case;
    my ($lmtp) = session(keywords => [qw(SIZE DSN)]);
    $lmtp->deliver(order(Data => "before\n"));
    my $pieces = 0;
    my @given = map { ref eq 'CODE' ? do { my $code = $_; sub { $pieces++ ? undef : $code->() } } : $_ } @$arguments;
    my $line = __LINE__ + 1;
    ok(!eval { $lmtp->deliver(@given); 1 }, "croaks: $why");
    like($@, $why, '... why');
    like($@, qr/ at \Q$0\E line $line\.?\n\z/, '... at the line of the caller');
    is(codes($lmtp->results), $results ? '421-body' : '', '... and the results are its own');
    ok(!$lmtp->ok, '... so is the status');
    is($lmtp->in_flight, 0, '... nothing is in flight');
}

# What the object does not do at all is a result as well, and not the one before it.
for my $protocol (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol);
    my $client = Mail::Wire->connect($sink->url, Blocking => 0) or die $@;
    $client->submit(order(Data => "before\n"));
    select undef, undef, undef, 0.01 while $client->advance;
    $client->collect;
    is($client->last_error, '', "$protocol, Blocking => 0: nothing is wrong");
    ok(!eval { $client->deliver(order(To => [ 'b@x', 'c@x' ], Data => "x\n")); 1 }, '... deliver croaks');
    is(join(' ', map { $_->recipient . '=' . $_->stage } $client->results), 'b@x=body c@x=body', '... its recipients have results');
    like($client->last_error, qr/the message was not sent/, '... last_error says so');
}

done_testing;
