package Mail::Wire::Queue::Maildir;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Time::HiRes ();

# A message of a Maildir has another name when it was read, or its flags were changed: it is in `cur` then, and what is in front of the flags has
# stayed. The names of one Maildir are held in memory.

# A folder that was changed so many seconds before it was read, or longer, has another time when it is changed again.
use constant SETTLED => 3;

# Somebody may change flags as fast as we look.
use constant TRIES => 5;

sub new { return bless { folder => '' }, $_[0] }

# Where the message that was at this path is now. The same path: it is there, or nowhere.
sub now {
    my ($self, $path) = @_;
    return $path if lstat $path;
    my ($folder, $unique) = $path =~ m{\A(.*/)(?:new|cur)/([^/:;!]+)[^/]*\z}s or return $path;
    foreach my $try (1 .. TRIES) {
        my $place = $self->_places($folder)->{$unique};
        return "$folder$place" if defined $place and lstat "$folder$place";
        return $path if $self->{is_settled} and not defined $place;
        $self->{folder} = '';
    }
    return $path;
}

# By the part of their names that stays.
sub _places {
    my ($self, $folder) = @_;
    my @parts = map {"$folder$_"} qw(new cur);
    my @times = map { (Time::HiRes::stat($_))[9] || 0 } @parts;
    return $self->{places} if $self->{folder} eq $folder and $self->{times} eq "@times";
    my %places;
    foreach my $part (qw(new cur)) {
        opendir my $names, "$folder$part" or next;
        foreach (readdir $names) { $places{$1} = "$part/$_" if /\A([^.:;!][^:;!]*)/ }
    }
    @{$self}{qw(folder times is_settled places)} = ($folder, "@times", Time::HiRes::time() - (sort { $b <=> $a } @times)[0] > SETTLED, \%places);
    return \%places;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue::Maildir - where messages of a Maildir are now

=head1 DESCRIPTION

Internal to Mail-Wire: finds messages whose flags were changed since they were planned. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
