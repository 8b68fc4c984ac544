package Mail::Wire::Options;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(carp);
use Mail::Wire ();

our @CARP_NOT = ('Mail::Wire', 'Net::LMTP', 'Net::QMTP');

# What StageTimeout knows.
use constant STAGES => qw(connect tls greeting lhlo auth mail rcpt data body final rset);

# A kind: whether a value is of it, and what it must be.
my %kind = (
    seconds => [ sub { Mail::Wire::_is_number($_[0]) && $_[0] >= 0 },   'a number of seconds, 0 (no limit) or more' ],
    bytes   => [ sub { $_[0] =~ /\A[1-9][0-9]{0,8}\z/ },           'a number of bytes, 1 or more' ],
    amount  => [ sub { $_[0] =~ /\A(?:0|[1-9][0-9]{0,8})\z/ },     'a number of bytes, 0 or more' ],
    count   => [ sub { $_[0] =~ /\A[1-9][0-9]{0,8}\z/ },           'a number, 1 or more' ],
);

# The options as a class knows them: name => [ kind, value when there is none ], or name => undef for those that are nobody's business here.
# Returns a reference to a hash of name and value; nothing when a value cannot be used: $@ says why.
sub checked {
    my ($class, $known, $given) = @_;
    my %value;
    foreach my $name (sort grep { $known->{$_} } keys %$known) {
        my ($kind, $default) = @{ $known->{$name} };
        $value{$name} = defined $given->{$name} ? _value($class, $name, $kind, $given->{$name}) : $default;
        return if defined $given->{$name} and not defined $value{$name};
    }
    return \%value;
}

# kind is the name of one; or a reference to the names that the value, a reference to a hash, gives seconds for.
sub _value {
    my ($class, $name, $kind, $value) = @_;
    return _stages($class, $name, $kind, $value) if ref $kind;
    my $wrong = wrong($class, $name, $kind, $value);
    return $value + 0 if not defined $wrong;
    $@ = $wrong;
    return;
}

# What is wrong with a value, in words; nothing: it is of its kind.
sub wrong {
    my ($class, $name, $kind, $value) = @_;
    my ($is_of_it, $what) = @{ $kind{$kind} };
    return if $is_of_it->($value);
    return "$class: $name must be $what, not '$value'";
}

# What somebody meant for an option of ours must not go without a word.
sub warn_of_case {
    my ($class, $known, @given) = @_;
    my %known = map { lc $_ => $_ } @$known;
    foreach my $name (sort grep { defined } @given) {
        my $meant = $known{ lc $name };
        carp "$class: unknown option '$name', is $meant meant?" if defined $meant and $meant ne $name;
    }
    return;
}

sub _stages {
    my ($class, $name, $stages, $given) = @_;
    if (ref $given ne 'HASH') {
        $@ = "$class: $name must be a reference to a hash of stages and their seconds, not '$given'";
        return;
    }
    my %is_stage = map { $_ => 1 } @$stages;
    if (my @unknown = grep { !$is_stage{$_} } sort keys %$given) {
        $@ = "$class: $name has no stage '$unknown[0]', they are @$stages";
        return;
    }
    my %known = map { $_ => [ seconds => undef ] } @$stages;
    return checked("$class: $name", \%known, $given);
}

# The least of these seconds, of which 0 is no limit; undef is none of them.
sub least {
    my ($least) = sort { $a <=> $b } grep {$_} @_;
    return $least || 0;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Options - checks the options of new

=head1 DESCRIPTION

Internal to Mail-Wire: it checks what C<new> of L<Net::LMTP> is given, by a table of names, kinds
and defaults. It may change in any release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
