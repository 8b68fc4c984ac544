# The parameters of MAIL and RCPT that extensions bring: each by mail or recipient, by deliver, and for one recipient of it.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

use constant NOON => '2030-12-24T12:00:00Z';

my @keywords = ('PIPELINING', 'SIZE 1000', 'DSN', 'DELIVERBY 60', 'MT-PRIORITY MIXER', 'FUTURERELEASE 3600 ' . NOON, 'RRVS', 'IGNOREQUOTA',
    'XRCPTFORWARD', 'REQUIRETLS');

# Option, value, what is said.
my @mail = (
    [ Size       => 1000,                                  'SIZE=1000' ],
    [ DeliverBy  => '120;RT',                              'BY=120;RT' ],
    [ DeliverBy  => '-5;N',                                'BY=-5;N' ],
    [ MTPriority => -9,                                    'MT-PRIORITY=-9' ],
    [ MTPriority => 0,                                     'MT-PRIORITY=0' ],
    [ HoldFor    => 3600,                                  'HOLDFOR=3600' ],
    [ HoldUntil  => NOON,                                  'HOLDUNTIL=' . NOON ],
    [ Params     => { 'X-B' => 'b=1', 'X-A' => undef, Y => '' }, 'X-A X-B=b=1 Y' ],
    [ Params     => {},                                    '' ],
    [ RequireTLS => 0,                                     '' ],
);
my @rcpt = (
    [ ORcpt             => 'rfc822;a@x',                      'ORCPT=rfc822;a@x' ],
    [ OriginalRecipient => 'ann+b=c@x',                       'ORCPT=rfc822;ann+2Bb+3Dc@x' ],
    [ RRVS              => '2030-12-24T12:00:00+01:00;C',     'RRVS=2030-12-24T12:00:00+01:00;C' ],
    [ IgnoreQuota       => 1,                                 'IGNOREQUOTA' ],
    [ IgnoreQuota       => 0,                                 '' ],
    [ XRcptForward      => { b => "1\t", a => undef, c => 'd e' }, 'XRCPTFORWARD=a+3D+09b+3D1+01t+09c+3Dd+20e' ],
    [ XRcptForward      => {},                                '' ],
    [ Params            => { ORCPT => 'rfc822;a@x' },         'ORCPT=rfc822;a@x' ],
);

# Option, value, why not.
my @bad_mail = (
    [ Size       => 'x',          qr/Size must be a number of bytes, not 'x'/ ],
    [ Size       => "5\r\n",      qr/Size must be a number of bytes, not '5\r\n'/ ],
    [ Size       => ' 5',         qr/Size must be a number of bytes, not ' 5'/ ],
    [ DeliverBy  => '60',         qr/DeliverBy must be seconds of at most 9 digits and a mode/ ],
    [ MTPriority => 10,           qr/MTPriority must be a whole number from -9 to 9, not '10'/ ],
    [ HoldFor    => 0,            qr/HoldFor must be a number of seconds from 1 to 999999999/ ],
    [ HoldUntil  => "@{[NOON]}\r\nDATA", qr/HoldUntil must be a time in UTC/ ],
    [ HoldUntil  => [],           qr/The option HoldUntil of mail is a reference/ ],
    [ Params     => 'X=1',        qr/Params must be a reference to a hash, not 'X=1'/ ],
    [ Params     => { 'X Y' => 1 }, qr/Params of mail: 'X Y' is no keyword/ ],
    [ Params     => { X => "1 SIZE=1" }, qr/Params of mail: 'X' is no keyword, or its value has bad characters/ ],
    [ Params     => { X => "1\r\nDATA" }, qr/bad characters/ ],
    [ Params     => { X => [] },  qr/Params of mail: the value of 'X' is a reference/ ],
    [ Params     => { SIZE => 1, size => 2 }, qr/Params of mail: 'size' is said by 'SIZE' as well/ ],
    [ Params     => { body => 'BinaryMime' }, qr/Params of mail: BODY=BINARYMIME is the option Bits/ ],
);
my @bad_rcpt = (
    [ RRVS         => 'soon',         qr/RRVS must be a time, as in .*, not 'soon'/ ],
    [ XRcptForward => 'a=1',          qr/XRcptForward must be a reference to a hash/ ],
    [ Params       => { "X\n" => 1 }, qr/is no keyword/ ],
    [ Params       => { X => {} },    qr/Params of recipient: the value of 'X' is a reference/ ],
    [ XRcptForward => { X => \1 },    qr/XRcptForward of recipient: the value of 'X' is a reference/ ],
);

# What the server would not take: code, words.
my @refused = (
    [ Size       => 1001,                   552, qr/\A5\.3\.4 / ],
    [ DeliverBy  => '59;R',                 555, qr/\A5\.5\.4 / ],
    [ HoldFor    => 3601,                   555, qr/\A5\.5\.4 / ],
    [ HoldUntil  => '2030-12-24T12:00:01Z', 555, qr/\A5\.5\.4 / ],
    [ RequireTLS => 1,                      550, qr/\A5\.7\.30 REQUIRETLS needs TLS/ ],
);

sub said { return join '', map { length $_ ? " $_" : '' } @_ }

my @message = (Data => "x\n");

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    my ($line, @lines);
    foreach my $case (@mail) {
        my ($option, $value, $words) = @$case;
        ok($lmtp->mail('a@x', $option => $value), "mail, $option");
        push @lines, 'MAIL FROM:<a@x>' . said($words), 'RSET';
        $lmtp->reset;
    }
    is(wire($server), join('', map {"$_\r\n"} @lines), '... is said');
}

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    $lmtp->mail('a@x');
    my @lines = 'MAIL FROM:<a@x>';
    foreach my $case (@rcpt) {
        my ($option, $value, $words) = @$case;
        ok($lmtp->recipient('b@x', { $option => $value }), "recipient, $option in a hash");
        ok($lmtp->recipient('b@x', $option => $value),     '... and as a pair');
        push @lines, ('RCPT TO:<b@x>' . said($words)) x 2;
    }
    is(wire($server), join('', map {"$_\r\n"} @lines), '... is said');
}

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    foreach my $case (@mail) {
        my ($option, $value, $words) = @$case;
        my @results = $lmtp->deliver(From => 'a@x', To => ['b@x'], @message, $option => $value);
        is_deeply([ shown(@results) ], ['b@x success 250 final'], "deliver, $option");
        like($server->received, qr/^MAIL FROM:<a\@x>\Q@{[ said($words, $option eq 'Size' ? '' : 'SIZE=3') ]}\E\r\nRCPT TO:<b\@x>\r\n(?:(?!^MAIL).)*\z/ms, '... is said');
    }
    foreach my $case (@rcpt) {
        my ($option, $value, $words) = @$case;
        my @results = $lmtp->deliver(From => 'a@x', To => [ [ 'b@x', { $option => $value } ], 'c@x' ], @message);
        is_deeply([ shown(@results) ], [ 'b@x success 250 final', 'c@x success 250 final' ], "deliver, $option of a recipient");
        like($server->received, qr/^RCPT TO:<b\@x>\Q@{[ said($words) ]}\E\r\nRCPT TO:<c\@x>\r\n(?:(?!^MAIL).)*\z/ms, '... is said');
    }
}

# --- what cannot be sent ---

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    foreach my $case (@bad_mail) {
        my ($option, $value, $why) = @$case;
        ok(!$lmtp->mail('a@x', $option => $value), "mail, $option that cannot be sent");
        is($lmtp->code, 501, '... code');
        like(scalar $lmtp->message, $why, '... why');
        ok(!eval { $lmtp->deliver(From => 'a@x', To => ['b@x'], @message, $option => $value); 1 }, "... deliver croaks");
        like($@, $why, '... why');
    }
    foreach my $case (@bad_rcpt) {
        my ($option, $value, $why) = @$case;
        ok(!$lmtp->recipient('b@x', { $option => $value }), "recipient, $option that cannot be sent");
        is($lmtp->code, 501, '... code');
        like(scalar $lmtp->message, $why, '... why');
        $lmtp->reset;
        ok(!eval { $lmtp->deliver(From => 'a@x', To => [ [ 'b@x', { $option => $value } ] ], @message); 1 }, '... deliver croaks');
        like($@, $why, '... why');
    }
    ok(!$lmtp->mail('a@x', HoldFor => 1, HoldUntil => NOON), 'HoldFor and HoldUntil');
    like(scalar $lmtp->message, qr/mail: the options HoldFor and HoldUntil exclude each other/, '... why not');
    ok(!$lmtp->mail('a@x', ENVID => 'a', Envelope => 'a'), 'one parameter by two options');
    ok(!$lmtp->mail('a@x', Size => 5, Params => { size => 5 }), 'one by an option and by Params');
    like(scalar $lmtp->message, qr/Params of mail: 'size' is said by 'Size' as well/, '... why not');
    ok(!$lmtp->mail('a@x', ENVID => 'a', Params => { ENVID => 'b' }), '... the same for ENVID');
    ok(!$lmtp->recipient('b@x', { ORcpt => 'rfc822;a@x', Params => { ORCPT => 'rfc822;a@x' } }), '... and of a recipient');
    $lmtp->reset;
    unlike(wire($server), qr/MAIL|RCPT/, 'nothing was sent');
}

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    foreach my $case (@refused) {
        my ($option, $value, $code, $words) = @$case;
        ok(!$lmtp->mail('a@x', $option => $value), "mail, $option beyond what the server takes");
        is($lmtp->code, $code, '... code');
        like(scalar $lmtp->message, $words, '... words');
        my @results = $lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], @message, $option => $value);
        is_deeply([ shown(@results) ], [ map {"$_\@x failure $code mail"} qw(b c) ], '... the same in a delivery');
        like($results[0]->message, $words, '... words');
    }
    is($lmtp->deliver(From => 'a@x', To => ['b@x'], @message)->[0]->code, 250, 'the link goes on');
    is(() = wire($server) =~ /^MAIL/mg, 1, '... and nothing else was sent');
}

# --- what is said by itself, and by Params as well ---

for my $case (
    [ SIZE     => 7,          ' SIZE=7 BODY=8BITMIME SMTPUTF8' ],
    [ body     => '7BIT',     ' body=7BIT SIZE=4 SMTPUTF8' ],
    [ SmtpUtf8 => undef,      ' SmtpUtf8 SIZE=4 BODY=8BITMIME' ],
) {
    my ($name, $value, $said) = @$case;
    my ($lmtp, $server) = session(keywords => [qw(PIPELINING SIZE 8BITMIME SMTPUTF8)]);
    my $from = "\xc3\xa4\@x";
    my ($result) = $lmtp->deliver(From => $from, To => ['b@x'], Data => "\xc3\xa4\r\n", Params => { $name => $value });
    ok($result->is_success, "deliver, Params has $name") or diag($result);
    my ($line) = wire($server) =~ /^(MAIL.*)\r$/m;
    is_deeply([ sort split / /, $line ], [ sort split / /, "MAIL FROM:<$from>$said" ], '... it is said once');
    ok($lmtp->mail($from, Params => { $name => $value }), '... mail');
    is(() = wire($server) =~ /SMTPUTF8/i, 1, '... says it once');
}

# --- what is not offered ---

{
    my ($lmtp, $server) = session(keywords => ['PIPELINING']);
    foreach my $case (grep { $_->[0] ne 'Params' and $_->[0] ne 'RequireTLS' } @mail) {
        my ($option, $value) = @$case;
        my @warnings = warnings_of { ok($lmtp->mail('a@x', $option => $value), "$option that is not offered is left out"); $lmtp->reset };
        like("@warnings", qr/option not supported by host at \Q$0\E/, '... with a warning');
    }
    is(() = wire($server) =~ /^MAIL FROM:<a\@x>\r$/mg, @mail - 3, '... on the wire');
}

# The caller's code that runs while a hash is read.
{
    package Bold;
    use overload '""' => sub { %{ $_[0]{hash} } = (); delete $_[0]{hash}; 'bold' }, fallback => 1;
}

{
    my ($lmtp, $server) = session(keywords => \@keywords);
    my %hash = map { ("X$_" => $_) } 2 .. 50;
    $hash{X1} = bless { hash => \%hash }, 'Bold';
    ok($lmtp->mail('a@x', Params => \%hash), 'a hash that goes while it is read');
    is(() = wire($server) =~ / X[0-9]+=\w+/g, 50, '... was read before');
}

{
    package Knows;
    our @ISA = ('Net::LMTP');
    sub supports { $_[1] eq 'SIZE' ? 5 : shift->SUPER::supports(@_) }
}

{
    my ($lmtp) = session({ class => 'Knows' }, keywords => []);
    ok(!$lmtp->mail('a@x', Size => 6), 'the limit is what the method supports says');
    is($lmtp->code, 552, '... code');
    ok($lmtp->mail('a@x', Size => 5), '... and what is below is sent');
}

done_testing;
