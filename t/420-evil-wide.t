# Characters that are no octets.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use IO::Socket::UNIX;
use LMTPTest;
use Net::LMTP;

my $envelope = "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@x>\r\nDATA\r\n";

sub open_data {
    my ($lmtp) = @_;
    return $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data;
}

for my $case (
    [ 'one string',             "snow \x{2603}\n" ],
    [ 'behind a good piece',    "good\n", "\x{2603}\n" ],
    [ 'in front of a good one', "\x{2603}\n", "good\n" ],
    [ 'in a reference',         [ "good\n", "\x{2603}\n" ] ],
    [ 'just above a byte',      "\x{100}\n" ],
) {
    my ($name, @pieces) = @$case;
    my ($lmtp, $server) = session();
    open_data($lmtp);
    ok($lmtp->datasend("before\n"), "datasend of a wide character, $name");
    ok(!eval { $lmtp->datasend(@pieces); 1 }, '... croaks');
    like($@, qr/wide/i, '... says why');
    like($@, qr/\Q@{[ __FILE__ ]}\E line/, '... at the line of the caller');
    ok($lmtp->datasend("after\n"), '... the data stays open');
    ok($lmtp->dataend, '... and can be ended');
    is(wire($server), "${envelope}before\r\nafter\r\n.\r\n", '... with nothing of it sent');
}

{
    my ($lmtp, $server) = session();
    $lmtp->mail('a@x');
    $lmtp->to('b@x');
    ok(!eval { $lmtp->data("\x{2603}\n"); 1 }, 'data of a wide character croaks');
    $lmtp->close;
    unlike(wire($server), qr/^\.\r$/m, '... and delivers nothing');
}

{
    my ($lmtp, $server) = session(keywords => [qw(8BITMIME BINARYMIME CHUNKING)]);
    $lmtp->mail('a@x', Bits => 'binary');
    $lmtp->to('b@x');
    my $sent = wire($server);
    for my $method (qw(bdat bdatlast)) {
        ok(!eval { $lmtp->$method("\x{2603}") }, "$method of a wide character is no success");
        is(wire($server), $sent, '... nothing sent');
    }
    my $bytes = "\xe9\r\n";
    utf8::upgrade($bytes);
    ok($lmtp->bdatlast($bytes), 'bdatlast of text flagged as utf8');
    is(wire($server), "${sent}BDAT 3 LAST\r\n\xe9\r\n", '... sends its bytes, and counts them');
}

{
    my ($lmtp, $server) = session();
    open_data($lmtp);
    ok(!eval { $lmtp->rawdatasend("\x{2603}"); 1 }, 'rawdatasend of a wide character croaks');
    ok($lmtp->dataend, '... the data can be ended');
    is(wire($server), "$envelope.\r\n", '... nothing of it sent');
}

# An address is characters. Octets that are UTF-8 stay what they are; all else is encoded as UTF-8. Perl's inner form of the string says
# nothing about which it is.
my @addresses = (
    # name, address, octets
    [ 'octets of UTF-8',             "\xc3\xa9\@x",               "\xc3\xa9\@x" ],
    [ 'Latin-1 letters',             "jos\xe9\@x",                "jos\xc3\xa9\@x" ],
    [ 'two Latin-1 letters',         "\xe9\xe8\@x",               "\xc3\xa9\xc3\xa8\@x" ],
    [ 'characters above 0xFF',       "\x{2603}\@x",               "\xe2\x98\x83\@x" ],
    [ 'both',                        "\xe9\x{2603}\@x",           "\xc3\xa9\xe2\x98\x83\@x" ],
    [ 'Latin-1 letters in brackets', "Jos\xe9 <jos\xe9\@x>",      "jos\xc3\xa9\@x" ],
    [ 'octets of UTF-8, behind a name in Latin-1', "Jos\xe9 <\xc3\xa9\@x>", "\xc3\xa9\@x" ],
    [ 'octets of UTF-8, behind a wide name', "\x{2603} <\xc3\xa9\@x>", "\xc3\xa9\@x" ],
    [ 'ASCII, behind a name in Latin-1', "Jos\xe9 <jose\@x>",      'jose@x' ],
    [ 'ASCII',                       'jose@x',                    'jose@x' ],
);

sub both_forms {
    my ($text) = @_;
    my ($up, $down) = ($text, $text);
    utf8::upgrade($up);
    return ($up, utf8::downgrade($down, 1) ? $down : ());
}

for my $case (@addresses) {
    my ($name, $address, $sent) = @$case;
    for my $form (both_forms($address)) {
        my $label = $name . (utf8::is_utf8($form) ? ', upgraded' : '');
        for my $exact (0, 1) {
            next if $exact && $address =~ / </;
            my ($lmtp, $server) = session({ ExactAddresses => $exact }, keywords => ['SMTPUTF8']);
            ok(eval { $lmtp->mail($form) && $lmtp->to($form) && $lmtp->to($form, { SkipBad => 1 }) }, "an address of $label");
            my $says = $sent =~ /[^\x00-\x7f]/ ? ' SMTPUTF8' : '';
            is(wire($server), "MAIL FROM:<$sent>$says\r\n" . "RCPT TO:<$sent>\r\n" x 2, '... on the wire');
            $lmtp->data("x\n");
            is_deeply([ map { $_->recipient } $lmtp->results ], [ $sent, $sent ], '... and in the results');
        }
        my ($lmtp, $server) = session(keywords => ['SMTPUTF8']);
        my @results = $lmtp->deliver(From => $form, To => [$form], SMTPUTF8 => 1, Data => "x\n");
        is_deeply([ shown(@results) ], ["$sent success 250 final"], "deliver to an address of $label");
        like(wire($server), qr/^MAIL FROM:<\Q$sent\E> SMTPUTF8\r\nRCPT TO:<\Q$sent\E>\r\n/m, '... on the wire');
        next if $sent !~ /[^\x00-\x7f]/;
        @results = $lmtp->deliver(From => 'a@x', To => [$form], Data => "x\n", SMTPUTF8 => 0);
        is_deeply([ shown(@results) ], ["$sent failure 553 rcpt"], '... not without SMTPUTF8');
        like($results[0]->message, qr/\A5\.6\.7 '\Q$sent\E' is not ASCII, and the server does not offer SMTPUTF8, or it is off/, '... which says so');
    }
}

# The inner form of other strings: names, hosts, ports, options, keys, texts.
{
    my ($plain, $server) = session(keywords => [qw(DSN SIZE)]);
    my ($up) = both_forms("ok\xe9");
    ok($plain->hello($up), 'hello with an upgraded name');
    is((wire($server) =~ /^LHLO (.*)\r$/m)[0], "ok\xe9", '... sends its octets');
    my ($key, $size) = map { (both_forms($_))[0] } 'Size', '12';
    ok($plain->mail('a@x', $key, $size), 'mail with an upgraded option');
    like(wire($server), qr/^MAIL FROM:<a\@x> SIZE=12\r$/m, '... is that option');
    is_deeply([ $plain->to('b@x', map { (both_forms($_))[0] } 'SkipBad', '1') ], ['b@x'], 'recipient, too');
    ok($plain->data((both_forms("caf\xe9\n"))[0]), 'an upgraded text');
    like(wire($server), qr/^caf\xe9\r$/m, '... is its octets');
    is($plain->supports((both_forms('DSN'))[0]), '', 'supports');
    my ($host, $port) = map { (both_forms($_))[0] } $server->args;
    my $lmtp = Net::LMTP->new($host, $port, map { (both_forms($_))[0] } Hello => 'client.example', Timeout => 5);
    ok($lmtp, 'new with upgraded host, port and options') or diag($@);
    is($lmtp->timeout, 5, '... which count') if $lmtp;
}

{
    require File::Temp;
    my $dir = File::Temp::tempdir(CLEANUP => 1);
    for my $form (both_forms("$dir/\xe9.sock")) {
        (my $path = $form) =~ s/x/x/;
        utf8::downgrade($path);
        my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 1);
        ok($socket, 'a UNIX-domain socket with a Latin-1 letter in its name') or last;
        my $lmtp = Net::LMTP->new($form, SendHello => 0, Timeout => 0.2);
        unlike($@, qr/connect/, '... is found, ' . (utf8::is_utf8($form) ? 'upgraded' : 'as it is'));
        unlink $path;

        open my $fh, '>', "$path.eml" or die $!;
        print $fh "x\n";
        close $fh;
        my ($client) = session();
        my @results = eval { $client->deliver(From => 'a@x', To => ['b@x'], File => "$form.eml") };
        ok(@results && $results[0]->is_success, '... so is a file') or diag($@);
        unlink "$path.eml";
    }
}

done_testing;
