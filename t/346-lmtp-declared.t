# What a delivery's MAIL says by itself: the content's size and that it has 8-bit octets, and that an address is no ASCII.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use lib 't/lib';
use LMTPTest;

sub mail_lines { return [ wire($_[0]) =~ /^MAIL FROM:<[^>]*>(.*)\r$/mg ] }

sub file_of {
    my ($text) = @_;
    my $file = File::Temp->new;
    binmode $file;
    print {$file} $text;
    seek $file, 0, 0 or die "seek: $!";
    return $file;
}

sub pieces_of {
    my @pieces = @_;
    return sub { shift @pieces };
}

my $long = 'x' x 69_999 . "\n";
my $file = file_of("x\n");
my $large = file_of($long);

# What is delivered, and what MAIL says of it.
my @contents = (
    [ 'lines that end in LF',      [ Data => "one\ntwo\n" ],          ' SIZE=10' ],
    [ 'lines that end in CRLF',    [ Data => "one\r\ntwo\r\n" ],      ' SIZE=10' ],
    [ 'a line without an end',     [ Data => 'one' ],                 ' SIZE=5' ],
    [ 'dots, which do not count',  [ Data => ".\n.\n" ],              ' SIZE=6' ],
    [ 'nothing',                   [ Data => '' ],                    ' SIZE=0' ],
    [ '8-bit octets',              [ Data => "\xc3\xa4\n" ],          ' BODY=8BITMIME SIZE=4' ],
    [ 'one behind many others',    [ Data => 'x' x 1001 . "\x80" ],   ' BODY=8BITMIME SIZE=1004' ],
    [ 'one, the last of eight',    [ Data => 'x' x 7 . "\xff" ],      ' BODY=8BITMIME SIZE=10' ],
    [ 'a list',                    [ Data => [ "a\n", "\x80\n" ] ],   ' BODY=8BITMIME SIZE=6' ],
    [ 'code that ends early',      [ Data => pieces_of("a\n", "\x80\n") ], ' BODY=8BITMIME SIZE=6' ],
    [ 'code that does not',        [ Data => pieces_of(('x' x 999 . "\n") x 300) ], '' ],
    [ 'a small file',              [ File => "$file" ],               ' SIZE=3' ],
    [ 'a large one, as it stands', [ File => "$large" ],              ' SIZE=70000' ],
    [ 'large content',             [ Data => $long ],                 ' SIZE=70000' ],
    [ 'a size that was given',     [ Data => "one\n", Size => 7 ],    ' SIZE=7' ],
    [ 'bits that were given',      [ Data => "\x80\n", Bits => 7 ],   ' BODY=7BIT SIZE=3' ],
);

for my $keywords ([ 'SIZE', '8BITMIME' ], [ 'PIPELINING', 'SIZE 1000000', '8BITMIME' ], [ 'PIPELINING', 'CHUNKING', 'SIZE 0', '8BITMIME' ]) {
    my ($lmtp, $server) = session(keywords => $keywords);
    foreach my $case (grep { $_->[1][1] !~ /CODE/ } @contents) {
        my ($name, $content, $says) = @$case;
        my @results = $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], @$content);
        is_deeply([ shown(@results) ], [ 'b@x success 250 final', 'c@x success 250 final' ], "$name, @$keywords");
        is(mail_lines($server)->[-1], $says, '... what MAIL says');
    }
}

{
    my ($lmtp, $server) = session(keywords => [ 'SIZE', '8BITMIME' ]);
    foreach my $case (grep { $_->[1][1] =~ /CODE/ } @contents) {
        my ($name, $content, $says) = @$case;
        $lmtp->deliver(From => 'a@x', To => ['b@x'], @$content);
        is(mail_lines($server)->[-1], $says, "$name: what MAIL says");
    }
}

{
    my ($lmtp, $server) = session(keywords => ['PIPELINING']);
    $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "\x80\n");
    is(mail_lines($server)->[-1], '', 'nothing where nothing is offered');
}

# --- a message that is larger than the server takes ---

for my $case (
    # the content, how many octets it is
    [ 'LF',         "x\n" x 100,                  300 ],
    [ 'CRLF',       "x\r\n" x 100,                300 ],
    [ 'no end',     'x',                          3 ],
    [ 'large, LF',  join('', ('x' x 998 . "\n") x 200),     200_000 ],
    [ 'large file', file_of($long),               70_000 ],
) {
    my ($name, $content, $size) = @$case;
    my @data = ref $content ? (File => "$content") : (Data => $content);
    my ($lmtp, $server) = session(keywords => [ 'PIPELINING', 'SIZE ' . ($size - 1) ]);
    my @results = $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], @data);
    is_deeply([ shown(@results) ], [ 'b@x failure 552 mail', 'c@x failure 552 mail' ], "one octet too many: $name");
    like($results[0]->message, qr/\A5\.3\.4 /, '... why');
    is($results[0]->enhanced, '5.3.4', '... in the words of servers');
    is(wire($server), '', '... nothing was sent');
    @results = $lmtp->deliver(From => 'a@x', To => ['b@x'], @data, Size => 1);
    is_deeply([ shown(@results) ], ['b@x failure 552 mail'], '... whatever size the caller says');
    $lmtp->submit(From => 'a@x', To => ['b@x'], @data);
    $lmtp->submit(From => 'a@x', To => ['b@x'], Data => '');
    is_deeply([ map { shown($_->results) } map { $lmtp->collect } 1 .. 2 ], [ 'b@x failure 552 mail', 'b@x success 250 final' ],
        '... and the next message goes');
    ($lmtp, $server) = session(keywords => [ 'PIPELINING', "SIZE $size" ]);
    is_deeply([ shown($lmtp->deliver(From => 'a@x', To => ['b@x'], @data)) ], ['b@x success 250 final'], '... one octet less is sent');
}

# --- addresses ---

my $utf8 = "\xc5\x82";

for my $case (
    # From, To, what MAIL says, results
    [ 'a@x',      [ 'b@x', 'c@x' ],       '',          'b@x success 250 final', 'c@x success 250 final' ],
    [ 'a@x',      [ 'b@x', "$utf8\@x" ],  ' SMTPUTF8', 'b@x success 250 final', "$utf8\@x success 250 final" ],
    [ "$utf8\@x", ['b@x'],                ' SMTPUTF8', 'b@x success 250 final' ],
    [ 'a@x',      [ 'b@x', "\xff\@$utf8" ],  ' SMTPUTF8', 'b@x success 250 final', "\xc3\xbf\@\xc3\x85\xc2\x82 success 250 final" ],
) {
    my ($from, $to, $says, @results) = @$case;
    my ($lmtp, $server) = session(keywords => [ 'PIPELINING', 'SMTPUTF8' ]);
    is_deeply([ shown($lmtp->deliver(From => $from, To => $to, Data => "x\n")) ], \@results, "deliver from $from to @$to");
    is(mail_lines($server)->[-1], $says, '... what MAIL says');
    ok($lmtp->mail($from), '... by mail');
    is(mail_lines($server)->[-1], $from =~ /$utf8/ ? ' SMTPUTF8' : '', '... what it says');
    ($lmtp, $server) = session(keywords => ['PIPELINING']);
    my @got = $lmtp->deliver(From => $from, To => $to, Data => "x\n");
    my $stage = $from =~ /$utf8/ ? 'mail' : 'rcpt';
    my @expected = map { my ($who) = /(\S+)/; $stage eq 'mail' || $who =~ /[^ -~]/ ? "$who failure 553 $stage" : $_ } @results;
    is_deeply([ shown(@got) ], \@expected, '... where it is not offered');
    is($_->enhanced, '5.6.7', '... in the words of servers') for grep { $_->code == 553 } @got;
    ok($lmtp->mail($from), '... mail leaves it to the server');
    is(mail_lines($server)->[-1], '', '... and says nothing') if $stage eq 'mail';
}

# mail and recipient: what is not ASCII elsewhere is left to the server.
sub by_calls {
    my ($domain, $ascii, $name) = @_;
    my @to = ("Ann <b\@$domain>", "$utf8\@$domain", "c\@not-$domain");
    my @sent = map {"RCPT TO:<$_>\r\n"} "b\@$ascii", @to[ 1, 2 ];
    for my $way (
        # keywords, MAIL's options, what MAIL says; whether that is UTF-8
        [ [], [], '' ], [ [], [ SMTPUTF8 => 1 ], '' ], [ ['SMTPUTF8'], [], ' SMTPUTF8' ], [ ['SMTPUTF8'], [ SMTPUTF8 => 0 ], '' ],
        [ ['PIPELINING'], [], '' ],
    ) {
        my ($keywords, $options, $says) = @$way;
        my ($lmtp, $server) = session(keywords => $keywords);
        local $SIG{__WARN__} = sub { };    # of an option that the server does not offer
        $lmtp->mail("a\@$domain", @$options);
        $lmtp->recipient(@to, { SkipBad => 1 });
        my ($from, @to_wire) = $says ? ($domain, map {"RCPT TO:<$_>\r\n"} "b\@$domain", @to[ 1, 2 ]) : ($ascii, @sent);
        my $sent = join '', wire($server) =~ /^((?:MAIL|RCPT).*\n)/mg;
        is($sent, join('', "MAIL FROM:<a\@$from>$says\r\n", @to_wire), "$name: by calls, @$keywords, @$options");
    }
    my ($lmtp, $server) = session(keywords => ['SMTPUTF8']);
    $lmtp->mail('a@x') && $lmtp->recipient($to[0]) && $lmtp->reset && $lmtp->send_or_mail("a\@$domain");
    is(join('', wire($server) =~ /^((?:MAIL|RCPT|SOML).*\n)/mg), "MAIL FROM:<a\@x>\r\nRCPT TO:<b\@$ascii>\r\nSOML FROM:<a\@$ascii>\r\n",
        '... also where MAIL did not say SMTPUTF8');
    return;
}

# The modules for domains, as far as there are any; and stand-ins for them.
for my $way ([ 'Net/IDN/Encode.pm', 'Net::IDN::Encode::domain_to_ascii' ], [ 'URI/_idna.pm', 'URI::_idna::encode' ], ['none']) {
    my ($file, $sub) = @$way;
    local @INC{qw(Net/IDN/Encode.pm URI/_idna.pm)} = ($INC[0]) x 2;
    no strict 'refs';
    no warnings qw(redefine once);
    local *{'Net::IDN::Encode::domain_to_ascii'} = sub { die "not this one\n" };
    local *{'URI::_idna::encode'} = sub { die "nor this one\n" };
    local *{$sub} = sub { $_[0] eq "\x{142}.example" ? 'xn--ak-2ia.example' : die "no such domain\n" } if $sub;
    my $domain = "$utf8.example";
    my ($lmtp, $server) = session(keywords => ['PIPELINING']);
    $@ = 'as it was';
    my @results = $lmtp->deliver(From => "a\@$domain", To => [ "Ann <b\@$domain>", "$utf8\@$domain", "c\@not-$domain", "\"d\@$utf8\"\@x" ], Data => "x\n");
    is($@, 'as it was', "$file: \$\@ is left alone");
    by_calls($domain, $sub ? 'xn--ak-2ia.example' : $domain, $file);
    if (!$sub) {
        is_deeply([ map { $_->stage } @results ], [ ('mail') x 4 ], '... nobody can be sent to');
        next;
    }
    is_deeply([ shown(@results) ], [ 'b@xn--ak-2ia.example success 250 final', "$utf8\@$domain failure 553 rcpt", "c\@not-$domain failure 553 rcpt",
        "\"d\@$utf8\"\@x failure 553 rcpt" ], '... a domain in its ASCII form');
    like(wire($server), qr/^MAIL FROM:<a\@xn--ak-2ia\.example>\r\nRCPT TO:<b\@xn--ak-2ia\.example>\r\nDATA\r\n/, '... on the wire');
    ($lmtp, $server) = session(keywords => [ 'PIPELINING', 'SMTPUTF8' ]);
    $lmtp->deliver(From => 'a@x', To => ["b\@$domain"], Data => "x\n");
    like(wire($server), qr/^RCPT TO:<b\@\Q$domain\E>\r$/m, '... not where SMTPUTF8 is offered');
}

done_testing;
