# mailwire deliver, with a sink behind it.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use File::Temp ();
use Mail::Wire::Command::Deliver ();
use Mail::Wire::Sink ();
use Test::More;

my $folder = File::Temp->newdir;
my $sink = Mail::Wire::Sink->new(
    rcpt  => { 'nobody*' => '550 5.1.1 No such user', 'later*' => '451 4.3.0 Later', 'plain*' => '550 Go away', 'mixed*' => '550 4.2.2 Full' },
    final => { 'full*' => '552 5.2.2 Full' }, dsn => 1,
);
my $url  = $sink->url;
my $mail = "Subject: Hello\n\nHello\n";

sub delivered {
    my ($how, @arguments) = @_;
    $sink->clear;
    my ($code, $out, $err) = mailwire({ stdin => $mail, %$how }, 'deliver', @arguments);
    my @messages = $sink->messages;
    $_->{data} =~ s/\r\n/\n/g for @messages;
    return { code => $code, out => $out, err => $err, messages => \@messages, message => $messages[0] };
}

{
    my $run = delivered({}, qw(-d ann -f ben@x), $url);
    is_deeply([ @{$run}{qw(code out err)} ], [ 0, '', '' ], 'accepted: 0, and nothing is said');
    is($run->{message}{recipients}[0]{address}, 'ann', '... for that user');
    is($run->{message}{from}, 'ben@x', '... from that sender');
    is($run->{message}{data}, $mail, '... and that message');
    is(delivered({}, $url, qw(-d ann -f ben@x))->{code}, 0, 'the URL in front');
    is(delivered({ stdin => 'nothing' }, '-p', write_file("$folder/mail", $mail), qw(-d ann), $url)->{message}{data}, $mail, '-p');
    is(scalar @{ delivered({}, $url, qw(ann ben))->{message}{recipients} }, 2, 'users behind the URL, as Cyrus has it');
}

# The sender: options, message, sender, what is delivered.
my @senders = (
    [ 'nobody is named', [], $mail, '', $mail ],
    [ 'a From line', [], "From ben\@x Mon Jan  1 00:00:00 2020\n$mail", 'ben@x', $mail ],
    [ 'a From line of MAILER-DAEMON', [], "From MAILER-DAEMON Mon Jan  1 00:00:00 2020\n$mail", '', $mail ],
    [ 'a Return-Path', [], "Return-Path: <ben\@x>\n$mail", 'ben@x', $mail ],
    [ 'two of them', [], "Return-Path: <ben\@x>\nReturn-path: <cy\@x>\n$mail", 'ben@x', $mail ],
    [ 'a Return-Path of nobody', [], "Return-Path: <>\n$mail", '', $mail ],
    [ 'a From line goes before it', [], "From ben\@x Mon Jan  1 00:00:00 2020\nReturn-Path: <cy\@x>\n$mail", 'ben@x', $mail ],
    [ '-f goes before all', [qw(-f dan@x)], "From ben\@x Mon Jan  1 00:00:00 2020\nReturn-Path: <cy\@x>\n$mail", 'dan@x', $mail ],
    [ '-f <>', [qw(-f <>)], "Return-Path: <cy\@x>\n$mail", '', $mail ],
    [ "-f ''", [ '-f', '' ], "Return-Path: <cy\@x>\n$mail", '', $mail ],
    [ "Postfix' name of nobody", [qw(-f MAILER-DAEMON)], $mail, '', $mail ],
    [ '--keep-return-path', ['--keep-return-path'], "Return-Path: <ben\@x>\n$mail", 'ben@x', "Return-Path: <ben\@x>\n$mail" ],
);
for my $case (@senders) {
    my ($name, $options, $text, $sender, $expected) = @$case;
    my $message = delivered({ stdin => $text }, @$options, '-d', 'ann', $url)->{message};
    is($message->{from}, $sender, "the sender: $name");
    is($message->{data}, $expected, '... and what is delivered');
}

# Exit codes: options, code, the first line.
my @codes = (
    [ 'no such user', [qw(-d nobody)], 67, qr/\A5\.1\.1 mailwire deliver: <nobody>: failure \(rcpt\) 550 5\.1\.1 No such user$/ ],
    [ 'no such user, -e', [qw(-e -d nobody)], 77, qr/\A5\.1\.1 / ],
    [ 'a full mailbox', [qw(-d full)], 73, qr/\A5\.2\.2 / ],
    [ 'a refusal without enhanced code', [qw(-d plain)], 67, qr/\A5\.0\.0 / ],
    [ "a refusal with a deferral's code", [qw(-d mixed)], 65, qr/\A5\.0\.0 / ],
    [ 'a deferral', [qw(-d later)], 75, qr/\A4\.3\.0 / ],
    [ 'a deferral, -e', [qw(-e -d later)], 75, qr/\A4\.3\.0 / ],
    [ 'a refusal and a deferral', [qw(-d nobody -d later)], 75, qr/\A4\.3\.0 .*\n5\.1\.1 / ],
    [ 'a refusal and a success', [qw(-d nobody -d ann)], 67, qr/\A5\.1\.1 / ],
    [ 'no user', [], 64, qr/\A4\.3\.5 mailwire deliver: no recipient: give -d USER$/ ],
    [ 'an unknown option', [qw(-d ann -x)], 64, qr/\A4\.3\.5 .*unknown option: x/ ],
    [ '-a for several', [qw(-d ann -d ben -a c@x)], 64, qr/\A4\.3\.5 / ],
    [ 'a file that is not there', [ '-d', 'ann', '-p', "$folder/none" ], 75, qr/\A4\.3\.0 .*none: / ],
    [ 'no password', [qw(-d ann --user me --password-file), "$folder/none"], 75, qr/\A4\.3\.0 .*password-file/ ],
);
for my $case (@codes) {
    my ($name, $options, $code, $says) = @$case;
    my $run = delivered({}, @$options, $url);
    is($run->{code}, $code, "$name: $code");
    like($run->{err}, $says, '... and why');
}
for my $place ('lmtp:///nowhere', 'lmtp://host.invalid:24') {
    my $run = delivered({}, qw(-d ann), $place);
    is($run->{code}, 75, "$place: 75");
    like($run->{err}, qr/\A4\.3\.0 mailwire deliver: \Q$place\E: /, '... and why');
}
{
    my $bad = Mail::Wire::Sink->new(greeting => '554 5.3.2 No');
    is(delivered({}, qw(-d ann), $bad->url)->{code}, 75, 'a server that serves nobody: 75');
    my $closes = Mail::Wire::Sink->new(close_at => { stage => 'final' });
    my $run = delivered({}, qw(-d ann), $closes->url);
    is($run->{code}, 75, 'a link that is lost at the end: 75');
    like($run->{err}, qr/\(may have been delivered\)$/, '... and the doubt is named');
    my $qmtp = Mail::Wire::Sink->new(protocol => 'qmtp', final => { nobody => 'DNo such user (#5.1.1)' });
    is(delivered({}, qw(-d ann -a c@x -q), $qmtp->url)->{code}, 0, 'QMTP: 0');
    is(delivered({}, qw(-d nobody), $qmtp->url)->{code}, 67, '... 67');
}

# What goes with the recipient.
{
    is(delivered({}, qw(-d ann -a Ann+x@y), $url)->{message}{recipients}[0]{params}{ORCPT}, 'rfc822;Ann+2Bx@y', '-a where DSN is offered');
    my %dovecot = (greeting => '220 host Dovecot ready.', any_params => 1);
    for my $case ([ 'Dovecot', { ORCPT => 'rfc822;Ann+2Bx@y' }, %dovecot ], [ 'another', {}, any_params => 1 ]) {
        my ($name, $expected, %options) = @$case;
        my $other = Mail::Wire::Sink->new(%options);
        my $run = delivered({}, qw(-q -d ann -a Ann+x@y), $other->url);
        is_deeply([ $run->{code}, ($other->messages)[0]{recipients}[0]{params} ], [ 0, $expected ], "-a without DSN: $name") or diag($run->{err});
    }
    my $cyrus = Mail::Wire::Sink->new(lhlo => [qw(localhost IGNOREQUOTA)]);
    delivered({}, qw(-q -d ann), $cyrus->url);
    ok(exists +($cyrus->messages)[0]{recipients}[0]{params}{IGNOREQUOTA}, '-q where IGNOREQUOTA is offered');
    my $run = delivered({}, qw(-q -d ann), $url);
    is_deeply([ $run->{code}, $run->{message}{recipients}[0]{params} ], [ 0, {} ], '... and where it is not');
    is(($sink->commands)[-1], 'QUIT', '... and the link ends in good order');
    is(Mail::Wire::Command::Deliver::_xtext("a+b=c d\x7f\xe9"), 'a+2Bb+3Dc+20d+7F+E9', 'what stands for itself in ORCPT, and what does not');
}

# User, mailbox, delimiter, address.
my @mailboxes = (
    [ 'ann', 'Work', undef, 'ann+Work' ],
    [ 'ann@x.example', 'Work', undef, 'ann+Work@x.example' ],
    [ 'ann@x.example', 'Work', '-', 'ann-Work@x.example' ],
    [ 'ann@x', 'a b', undef, '"ann+a b"@x' ],
    [ '"a n"@x', 'W"', undef, '"a n+W\""@x' ],
    [ 'ann@x', '', undef, 'ann@x' ],
    [ 'ann@x', 'a.b', undef, 'ann+a.b@x' ],
    [ 'ann@x', 'a..b', undef, '"ann+a..b"@x' ],
    [ '"a@b"@x', 'W', undef, '"a@b+W"@x' ],
    [ '"a\\"b"@x', 'W', undef, '"a\\"b+W"@x' ],
);
for my $row (@mailboxes) {
    my ($user, $mailbox, $delimiter, $address) = @$row;
    is(Mail::Wire::Command::Deliver::_address($user, { m => $mailbox, delimiter => $delimiter }), $address, "-m $mailbox for $user");
}
is(delivered({}, qw(-d ann@x -m Work), $url)->{message}{recipients}[0]{address}, 'ann+Work@x', '-m');

done_testing;
