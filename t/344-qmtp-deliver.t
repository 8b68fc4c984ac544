# deliver of Net::QMTP: arguments, where the message comes from, what goes over the wire, results.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use lib 't/lib';
use DeliveryTest;
use Net::QMTP;
use QMTPServer;

my $folder = folder();

sub handle {
    my ($path, $layer) = @_;
    open my $fh, '<' . ($layer || ':raw'), $path or die "$path: $!";
    return $fh;
}

# A handle that nothing can be read from, on a file of this size, at its start.
sub writing {
    my ($size) = @_;
    open my $fh, '>:raw', "$folder/writing$size" or die "writing$size: $!";
    syswrite $fh, 'x' x $size;
    sysseek $fh, 0, 0;
    return $fh;
}

# A server that accepts everything, an answer per recipient.
sub accepting {
    my (%option) = @_;
    return QMTPServer->new(\%option, sub {
        my ($peer) = @_;
        while (1) {
            my $count = QMTPServer::take($peer);
            $peer->send(QMTPServer::netstring(map {"Kok $_"} 1 .. $count));
        }
    });
}

sub package_of {
    my ($message, %field) = @_;
    return { eol => "\012", message => $message, sender => 's', rcpts => ['a'], %field };
}

# ---- results

{
    my $server = QMTPServer->new([ 'Kone', 'Dtwo (#5.1.1)', 'Z#4.2.2 three' ], ['Kfour']);
    my $qmtp = QMTPServer::client($server);
    my @results = $qmtp->deliver(From => 's@x', To => [qw(a b a)], Data => "message\n");
    is(codes(@results), '250 550 450', 'a result per recipient');
    is_deeply([ map { $_->index . $_->recipient . $_->status } @results ], [qw(0asuccess 1bfailure 2adeferral)],
        '... in the order of To, equal ones apart');
    is_deeply([ map { $_->enhanced } @results ], [ undef, '5.1.1', '4.2.2' ], '... with enhanced codes');
    is_deeply([ map { $_->message } @results ], [ 'one', 'two (#5.1.1)', '#4.2.2 three' ], '... and words');
    is_deeply([ map { $_->as_string } $qmtp->results ], [ map { $_->as_string } @results ], 'results has them, too');
    my $results = $qmtp->deliver(From => 's@x', To => ['a'], Data => '');
    is(ref $results && codes(@$results), '250', 'in scalar context a reference to them');
    is($qmtp->in_flight, 0, 'nothing is in flight');
    is($qmtp->error, '', 'no error');
    is_deeply([ QMTPServer::packages($server->received) ],
        [ package_of("message\n", sender => 's@x', rcpts => [qw(a b a)]), package_of('', sender => 's@x') ], 'on the wire');
}

# ---- where the message comes from

my $text  = "one\n.\r\ntwo\r.\0\xE4 and no end";
my $long  = join '', map {"line $_ of many\r\n"} 1 .. 20_000;
my $huge  = $long x 5;
my $small = written(small => $text);
my $large = written(large => $long);
my @pieces;

sub pieces {
    my @list = @_;
    return sub { shift @list };
}

{
    package Text;
    use overload '""' => sub { ${ $_[0] } };
    sub new { my ($class, $text) = @_; return bless \$text, $class }
}

{
    package Tied;
    sub TIEHANDLE { my ($class, @pieces) = @_; return bless \@pieces, $class }
    sub READ { $_[1] = shift @{ $_[0] }; return defined $_[1] ? length $_[1] : 0 }
    sub FILENO { return }
}

sub tied_handle { my $fh = do { local *FH; \*FH }; tie *$fh, 'Tied', @_; return $fh }
sub in_memory   { my ($octets) = @_; open my $fh, '<:raw', \$octets or die $!; return $fh }
sub in_middle   { my ($fh) = @_; scalar <$fh>; return $fh }

sub piped {
    my ($octets) = @_;
    pipe my $out, my $in or die "pipe: $!";
    binmode $_ for $out, $in;
    syswrite $in, $octets;
    close $in;
    return $out;
}

my $upgraded = $text;
utf8::upgrade($upgraded);
(my $after_first = $long) =~ s/\A.*\n//;
(my $decoded = $long) =~ s/\r\n/\n/g;

my @sources = (
    [ 'a string'                => [ Data => $text ],                                  $text ],
    [ 'an empty string'         => [ Data => '' ],                                     '' ],
    [ 'a number'                => [ Data => 0 ],                                      '0' ],
    [ 'a long string'           => [ Data => $long ],                                  $long ],
    [ 'a reference'             => [ Data => \$text ],                                 $text ],
    [ 'a long one'              => [ Data => \$huge ],                                 $huge ],
    [ 'an upgraded string'      => [ Data => $upgraded ],                              $text ],
    [ 'an object with a text'   => [ Data => Text->new($text) ],                       $text ],
    [ 'lines'                   => [ Data => [ "one\n", "two\n", '' ] ],               "one\ntwo\n" ],
    [ 'no lines'                => [ Data => [] ],                                     '' ],
    [ 'code'                    => [ Data => pieces("one\n", '', "two\n", undef) ],    "one\ntwo\n" ],
    [ 'code with nothing'       => [ Data => pieces() ],                               '' ],
    [ 'code with pieces that are upgraded' => [ Data => pieces("\n", $upgraded) ],     "\n$text" ],
    [ 'code with a lot'         => [ Data => pieces(($long) x 5) ],                    $huge ],
    [ 'a handle'                => [ Data => handle($small) ],                         $text ],
    [ 'a bare handle'           => [ Data => *{ handle($small) } ],                    $text ],
    [ 'a handle on a long file' => [ Data => handle($large) ],                         $long ],
    [ 'a handle that was read from' => [ Data => in_middle(handle($large)) ],          $after_first ],
    [ 'a handle with a layer'   => [ Data => handle($large, ':crlf') ],                $decoded ],
    [ 'a handle at its end'     => [ Data => do { my $fh = handle($large); seek $fh, 0, 2; $fh } ], '' ],
    [ 'a handle on memory'      => [ Data => in_memory($long) ],                       $long ],
    [ 'a tied handle'           => [ Data => tied_handle("one\n", "two\n") ],          "one\ntwo\n" ],
    [ 'a pipe'                  => [ Data => piped($text) ],                           $text ],
    [ 'an IO::File'             => [ Data => do { require IO::File; IO::File->new($large, 'r') } ], $long ],
    [ 'a file'                  => [ File => $small ],                                 $text ],
    [ 'a long file'             => [ File => $large ],                                 $long ],
    [ 'an empty file'           => [ File => written(empty => '') ],                      '' ],
    [ 'a file of 64 KB'         => [ File => written(k64 => 'x' x 65536) ],               'x' x 65536 ],
    [ 'a file of 64 KB and one' => [ File => written(k65 => 'x' x 65537) ],               'x' x 65537 ],
    [ 'a file with a strange name' => [ File => written('echo x |' => $text) ],           $text ],
);

for my $case (@sources) {
    my ($name, $source, $expected) = @$case;
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    is(codes($qmtp->deliver(From => 's', To => ['a'], @$source)), '250', "$name: delivered");
    is(codes($qmtp->deliver(From => 's', To => ['a'], Data => "next\n")), '250', "$name: the link goes on");
    my @packages = QMTPServer::packages($server->received);
    ok($packages[0]{message} eq $expected, "$name: as it was") or diag(substr $packages[0]{message}, 0, 60);
    is_deeply($packages[1], package_of("next\n"), "$name: and nothing else");
}

{
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    my $fh = handle($large);
    $qmtp->submit(From => 's', To => ['a'], Data => $fh);
    ok(eof $fh, 'a handle is read to its end');
    close $fh;
    my $changed = $long;
    $qmtp->submit(From => 's', To => ['a'], Data => \$changed);
    $changed =~ tr/a-z/A-Z/;
    is(codes(map { $_->results } $qmtp->collect, $qmtp->collect), '250 250', 'closed and changed after submit');
    ok(!(grep { $_->{message} ne $long } QMTPServer::packages($server->received)), '... is what it was before');
}

# ---- line ends

{
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    my @order = (From => 's', To => ['a'], Data => "a\r\n");
    $qmtp->encoding('dos');
    $qmtp->deliver(@order);
    $qmtp->deliver(@order, Encoding => 'unix');
    $qmtp->encoding('unix');
    $qmtp->deliver(@order);
    $qmtp->deliver(@order, Encoding => 'dos');
    is(join('', map { $_->{eol} } QMTPServer::packages($server->received)), "\r\n\n\r", 'encoding and Encoding');
    ok(!(grep { $_->{message} ne "a\r\n" } QMTPServer::packages($server->received)), '... leave the bytes alone');
}

# ---- addresses

{
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    my $strange = join '', map { chr } 1 .. 31, 0, 33 .. 59, 61, 63 .. 255, 128;
    $strange =~ s/\A\s+|\s+\z//g;
    $strange = "!$strange!";
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my @to = ($strange, '', 'x' x 5000, "\x{20AC}", [ 'b', {} ], ['c'], 7);
    is(codes($qmtp->deliver(From => $strange, To => \@to, Data => '')), join(' ', (250) x 7), 'addresses are any octets');
    my ($package) = QMTPServer::packages($server->received);
    is_deeply($package, package_of('', sender => $strange, rcpts => [ $strange, '', 'x' x 5000, "\xE2\x82\xAC", 'b', 'c', 7 ]),
        '... and go as they are, or as UTF-8');
    is_deeply(\@warnings, [], '... with no warning');
    is(codes($qmtp->deliver(To => [ [ 'a', { Notify => ['NEVER'] } ] ], Data => '', Size => 7)), '250', 'what only LMTP can say');
    is(scalar @warnings, 2, '... is warned of');
    like($warnings[0], qr/recipient's options: Notify - ignored at \Q$0\E/, '... a recipient\'s');
    like($warnings[1], qr/no Size - ignored at \Q$0\E/, '... a message\'s');
    is_deeply((QMTPServer::packages($server->received))[1], package_of('', sender => ''), '... and left out. No From is the null sender');
}

{
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    my @to = map {"r$_"} 1 .. 10_000;
    my @results = $qmtp->deliver(From => 's', To => \@to, Data => "m\n");
    is(scalar(grep { $_->is_success && $_->recipient eq $to[ $_->index ] } @results), 10_000, '10,000 recipients');
}

# ---- mistakes

{
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    my @ok = (From => 's', To => ['a'], Data => 'm');
    my @mistakes = (
        [ 'no To'             => [ From => 's', Data => '' ],            qr/To must be an address/ ],
        [ 'an empty To'       => [ @ok, To => '' ],                      qr/To must be an address/ ],
        [ 'a hash for To'     => [ @ok, To => {} ],                      qr/To must be an address/ ],
        [ 'nobody'            => [ @ok, To => [] ],                      qr/one recipient or more/ ],
        [ 'an undefined one'  => [ @ok, To => [ 'a', undef ] ],          qr/undefined address/ ],
        [ 'an empty list'     => [ @ok, To => [ [] ] ],                  qr/undefined address/ ],
        [ 'odd options'       => [ @ok, To => [ [ 'a', 'b' ] ] ],        qr/reference to a hash/ ],
        [ 'no message'        => [ From => 's', To => ['a'] ],           qr/Data, File or Range/ ],
        [ 'two messages'      => [ @ok, File => $small ],                qr/Data, File or Range/ ],
        [ 'a hash of data'    => [ @ok, Data => {} ],                    qr/Data must be/ ],
        [ 'no such file'      => [ From => 's', To => ['a'], File => "$folder/none" ], qr/cannot read .*none: / ],
        [ 'a folder'          => [ From => 's', To => ['a'], File => $folder ], qr/directory/ ],
        [ 'wide characters'   => [ @ok, Data => "\x{20AC}" ],            qr/Wide character in a message/ ],
        [ 'wide pieces'       => [ @ok, Data => sub { "\x{20AC}" } ],   qr/Wide character in a message/ ],
        [ 'an encoding'       => [ @ok, Encoding => 'mac' ],             qr/Unknown encoding 'mac'/ ],
        [ 'a deadline'        => [ @ok, Deadline => 0 ],                 qr/Deadline must be/ ],
        [ 'a worded deadline' => [ @ok, Deadline => 'soon' ],            qr/Deadline must be/ ],
        [ 'blanks in a deadline' => [ @ok, Deadline => ' 5' ],           qr/Deadline must be/ ],
        [ 'no end for a deadline' => [ @ok, Deadline => 9**9**9 ],       qr/Deadline must be/ ],
        [ 'a progress'        => [ @ok, Progress => 1 ],                 qr/Progress must be/ ],
        [ 'a value too few'   => [ @ok, 'Deadline' ],                    qr/odd number of arguments/ ],
        [ 'another word'      => [ @ok, Frm => 's' ],                    qr/unknown argument Frm/ ],
        [ 'a reference for an address'   => [ @ok, To => [ 'a', {} ] ],  qr/To has a reference for an address: HASH/ ],
        [ 'one with options'             => [ @ok, To => [ [ \'a', {} ] ] ], qr/To has a reference for an address: SCALAR/ ],
        [ 'an object that is no address' => [ @ok, To => [ bless {}, 'Thing' ] ], qr/To has a reference for an address: Thing=HASH/ ],
        [ 'a reference for the sender'   => [ @ok, From => {} ],         qr/From has a reference for an address: HASH/ ],
        [ 'an object for the sender'     => [ @ok, From => bless [], 'Thing' ], qr/From has a reference for an address: Thing=ARRAY/ ],
        [ 'a handle for writing'         => [ @ok, Data => writing(10) ],     qr/Data is a handle that is open for writing only/ ],
        [ 'a handle on a lot'            => [ @ok, Data => writing(70_000) ], qr/Data is a handle that is open for writing only/ ],
        [ 'the wrong end of a pipe'      => [ @ok, Data => do { pipe my $out, my $in or die "pipe: $!"; $in } ], qr/open for writing only/ ],
    );
    for my $case (@mistakes) {
        my ($name, $arguments, $why) = @$case;
        for my $method (qw(deliver submit)) {
            ok(!eval { $qmtp->$method(@$arguments); 1 }, "$method, $name: croaks");
            like($@, qr/$why.* at \Q$0\E line @{[ __LINE__ - 1 ]}\.?$/, '... and says why and where');
        }
    }
    is(codes($qmtp->deliver(@ok)), '250', 'nothing has changed by it');
    is($server->connections, 1, '... the link is the same');
    is_deeply([ QMTPServer::packages($server->received) ], [ package_of('m') ], '... nothing was sent for it');
    is($qmtp->submit(@ok), 2, '... and no number was used');
    is(codes($qmtp->deliver(@ok, From => Text->new('t'), To => [ Text->new('b') ])), '250', 'objects with a text are addresses');
    is_deeply((QMTPServer::packages($server->received))[-1], package_of('m', sender => 't', rcpts => ['b']), '... which are their texts');
}

{
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    my $count = 0;
    my @order = (From => 's', To => [qw(a b)], Data => sub { die { why => 'mine' } if $count++; return "one\n" });
    ok(!eval { $qmtp->deliver(@order); 1 }, 'a Data callback that dies');
    is_deeply($@, { why => 'mine' }, '... deliver dies of the same');
    is(codes($qmtp->results), '450-body 450-body', '... with results');
    is(codes($qmtp->deliver(From => 's', To => ['a'], Data => '')), '250', '... and the link goes on');
    is($server->connections, 1, '... the same one');
    is_deeply([ QMTPServer::packages($server->received) ], [ package_of('') ], '... nothing was sent');
}

# ---- progress

{
    my $server = accepting();
    my $qmtp = QMTPServer::client($server);
    for my $source ([ Data => \$huge, length $huge ], [ File => $large, length $long ], [ Data => 'm', 1 ], [ Data => '', 0 ]) {
        my $size = pop @$source;
        my @seen;
        $qmtp->deliver(From => 's', To => ['a'], @$source, Progress => sub { push @seen, [@_] });
        my @sent = map { $_->[0] } @seen;
        is($sent[-1], $size, "Progress: ends with all $size bytes");
        ok(!(grep { $_->[1] != $size } @seen), '... knows the size');
        is_deeply(\@sent, [ sort { $a <=> $b } @sent ], '... and goes up');
    }
    my @seen;
    $qmtp->submit(From => 's', To => ['a'], Data => "m$_", Progress => sub { push @seen, "@_" }) for 1 .. 2;
    $qmtp->submit(From => 's', To => ['a'], Data => 'm');
    $qmtp->collect for 1 .. 3;
    is((grep { $_ eq '2 2' } @seen), 2, 'Progress of submit');
}

{
    my $server = QMTPServer->new({ rcvbuf => 4096 }, sub { QMTPServer::take($_[0]); $_[0]->send('1:K,') });
    my $qmtp = QMTPServer::client($server);
    my $calls = 0;
    my @order = (From => 's', To => ['a'], Data => $huge x 10);
    ok(!eval { $qmtp->deliver(@order, Progress => sub { die "enough\n" if $_[0] > 1000; $calls++ }); 1 }, 'a Progress that dies');
    is($@, "enough\n", '... deliver dies of the same');
    is(codes($qmtp->results), '450-body', '... with a result');
    ok($server->await('eof'), '... and the link is closed');
    is(codes($qmtp->deliver(From => 's', To => ['a'], Data => '')), '250', '... another is made when it is needed');
}

{
    my $server = QMTPServer->new([ "Kfine\n\e[31mred" ]);
    my $file = File::Temp->new;
    open my $saved, '>&', \*STDERR or die "dup: $!";
    open STDERR, '>&', $file or die "dup: $!";
    QMTPServer::client($server, Debug => 1)->deliver(From => 's', To => ['a'], Data => "x\n");
    open STDERR, '>&', $saved or die "dup: $!";
    seek $file, 0, 0;
    my $shown = join '', <$file>;
    like($shown, qr/^Net::QMTP: <a>: success \(final\) 250 fine/m, 'Debug shows the results of a delivery');
    unlike($shown, qr/[^\x20-\x7e\n]/, '... and none of the control characters of the server');
}

done_testing;
