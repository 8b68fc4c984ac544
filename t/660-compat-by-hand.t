# Bytes that a caller, or a class of his, writes to the socket himself, inside content: the message's end among them. What was given
# to datasend before never comes behind it, and no second end is sent.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;

{
    package Own;
    our @ISA = ('Net::LMTP');
}

my @envelope = (
    expect => qr/^MAIL/, reply => '250 sender', expect => qr/^RCPT/, reply => '250 recipient',
    expect => 'DATA', reply => '354 go on'
);
my @noop = (expect => 'NOOP', reply => '250 noop');

# Content is open on it.
sub opened {
    my ($options, @script) = @_;
    my ($lmtp, $server) = script($options, @envelope, @script);
    $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data or die 'no content: ', $lmtp->message;
    return ($lmtp, $server);
}

sub is_over {
    my ($lmtp, $server, $result) = @_;
    ok($lmtp->_NOOP, '... the next command goes without another end');
    is(join('; ', map { $_->as_string } $lmtp->results), $result, '... the recipient has its result');
    is_deeply([ $server->problems ], [], '... in step');
    return;
}

{
    my ($lmtp, $server) = opened({ class => 'Own' }, expect => 'held', expect => '.', reply => '250 ok', @noop);
    $lmtp->datasend("held\n");
    syswrite $lmtp, ".\r\n";
    is($lmtp->response, 2, 'a class of its own: nothing is held back');
    is_over($lmtp, $server, '<b@x>: success (final) 250 ok');
}
{
    my ($lmtp, $server) = opened({}, expect => '.', reply => '250 empty');
    $lmtp->datasend("held\n");
    syswrite $lmtp, ".\r\n";
    is($lmtp->response, 5, 'an end behind held content: no reply');
    is($lmtp->code, 503, '... but 503 of ours');
    ok(!$lmtp->opened, '... and the link is closed');
    like(join('', map { $_->as_string } $lmtp->results), qr/deferral \(body\) 421/, '... the message is a deferral');
    $server->await('eof');
    unlike($server->received(1), qr/held/, '... what was held was not sent');
}
{
    my ($lmtp, $server) = opened({}, expect => '.');
    $lmtp->datasend("held\n");
    syswrite $lmtp, ".\r\n";
    ok(!defined $lmtp->getline, 'getline neither');
    is($lmtp->code, 503, '... with the same words');
}
for my $method (qw(print printf say syswrite write)) {
    my ($lmtp, $server) = opened({}, expect => 'one', expect => 'two', expect => 'three', expect => '.', reply => '250 ok', @noop);
    $lmtp->datasend("one\n");
    my $text = $method eq 'say' ? "two\r" : "two\r\n";
    $lmtp->$method($text, $method eq 'write' ? length $text : ());
    $lmtp->datasend("three\n");
    ok($lmtp->dataend, "the method $method writes behind what was held back");
    is_over($lmtp, $server, '<b@x>: success (final) 250 ok');
}
for my $how (qw(response getline)) {
    my ($lmtp, $server) = opened({}, expect => 'by hand', expect => '.', reply => '250 ok', @noop);
    syswrite $lmtp, "by hand\r\n.\r\n";
    is(substr($lmtp->$how, 0, 1), 2, "all of the content by hand, nothing held back, $how");
    is_over($lmtp, $server, '<b@x>: success (final) 250 ok');
}
for my $case ([ "x\r\n.\r\n" ], [ "x\r\n.", "\r\n" ], [ "x\r\n", '.', "\r", "\n" ]) {
    my ($lmtp, $server) = opened({}, expect => 'held', expect => 'x', expect => '.', reply => '250 ok', @noop);
    $lmtp->datasend("held\n");
    $lmtp->rawdatasend($_) for @$case;
    is($lmtp->response, 2, 'rawdatasend with the end, in pieces: ' . @$case);
    is_over($lmtp, $server, '<b@x>: success (final) 250 ok');
}
{
    my ($lmtp, $server) = opened({}, expect => 'held', expect => '.', reply => '550 no', @noop);
    $lmtp->datasend("held\n");
    $lmtp->rawdatasend(".\r\n");
    ok(!$lmtp->dataend, 'dataend behind it reads the reply');
    is_over($lmtp, $server, '<b@x>: failure (final) 550 no');
}
{
    my ($lmtp, $server) = opened({}, expect => 'x', expect => '..', expect => '.', reply => '250 ok', @noop);
    $lmtp->rawdatasend("x\r\n..\r\n");
    ok($lmtp->dataend, 'a doubled dot is no end');
    is_over($lmtp, $server, '<b@x>: success (final) 250 ok');
}
done_testing;
