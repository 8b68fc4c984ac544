# Plain options of deliver take a shorter way, unless a class has a supports of its own: it must lead to the same.

use strict;
use warnings;

use Test::More;

use Mail::Wire::Sink;
use Net::LMTP;

{
    package Asking;
    our @ISA = ('Net::LMTP');
    our $asked = 0;
    sub supports { my $self = shift; $asked++; return $self->SUPER::supports(@_) }
}
for my $size ([], [ size => 1_000_000 ]) {
    my $sink = Mail::Wire::Sink->new(@$size);
    my $url  = $sink->url;
    my %link = map { $_ => $_->new($url =~ m{//(.*):(\d+)}) || die $@ } qw(Net::LMTP Asking);
    for my $options (
        [], [ Size => 5 ], [ Size => '12.7' ], [ Size => 1e6 ], [ Size => -1 ], [ Size => 'x' ], [ Size => undef ], [ Bits => 8 ], [ Bits => '8' ],
        [ Bits => '8.0' ], [ Bits => 7 ], [ Bits => 'binary' ], [ Bits => undef ], [ Deadline => 60 ], [ Deadline => '60' ], [ Deadline => 0 ],
        [ Deadline => 'x' ], [ Deadline => undef ], [ Encoding => 'unix' ], [ Deadline => 60, Size => 7, Bits => 8 ], [ Unknown => 1 ]
    ) {
        my %said;
        for my $class (sort keys %link) {
            my @warned;
            local $SIG{__WARN__} = sub { push @warned, @_ };
            my @results = eval { $link{$class}->deliver(From => 'a@x', To => ['b@x'], Data => "x\n", @$options) };
            my $params  = join ' ', map { my $p = $_->{from_params}; map {"$_=$p->{$_}"} sort keys %$p } $sink->messages;
            $said{$class} = join '; ', (map { $_->as_string } @results), $params, $@, @warned;
            $sink->clear;
        }
        is($said{'Net::LMTP'}, $said{Asking}, 'the same both ways: ' . join ' ', @$size, map { defined $_ ? $_ : 'undef' } @$options);
    }
}
ok($Asking::asked > 0, 'a supports of its own is asked');

done_testing;
