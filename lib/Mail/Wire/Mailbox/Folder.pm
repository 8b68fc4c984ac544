package Mail::Wire::Mailbox::Folder;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Errno qw(ENOENT);
use Mail::Wire::Mailbox::Input ();

our @CARP_NOT = ('Mail::Wire::Mailbox');

# The files of a folder and of the folders in it: Maildirs, MH folders, and trees of other files. The names in one folder are held in memory.

# Fields: path, how; `format` in it may say that only messages of Maildirs are wanted, or only those of MH folders.
sub new {
    my ($class, %in) = @_;
    my $format = $in{how}{format};
    my $self = bless { %in, format => defined $format ? $format : '', entries => [], seen => {} }, $class;
    $self->_enter('');
    return $self;
}

sub _path { my ($self, $place) = @_; return length $place ? "$self->{path}/$place" : $self->{path} }

sub _names {
    my ($self, $place) = @_;
    my $path = $self->_path($place);
    opendir my $folder, $path or croak "cannot read $path: $!";
    my @names = grep { !/\A\.\.?\z/ } readdir $folder;
    closedir $folder;
    return @names;
}

# Names that are numbers count as such.
sub _sorted {
    my (@names) = @_;
    my %key = map { $_ => /\A[0-9]+\z/ ? sprintf '%020s', $_ : $_ } @names;
    @names = sort { $key{$a} cmp $key{$b} } @names;
    return @names;
}

# The messages of a Maildir in order of their delivery; nothing: it is none. One that is moved meanwhile can be in both folders: then the
# place in new, which comes first, is gone when it is due.
sub _maildir {
    my ($self, $place) = @_;
    my @parts = map { $place . (length $place ? '/' : '') . $_ } qw(new cur);
    return if grep { !-d $self->_path($_) } @parts;
    my %places;
    foreach my $part (@parts) {
        push @{ $places{$_} }, "$part/$_" foreach grep { !/\A\./ } $self->_names($part);
    }
    return [ map { @{ $places{$_} } } sort keys %places ];
}

sub _enter {
    my ($self, $place) = @_;
    my ($device, $inode) = stat $self->_path($place);
    return if $self->{seen}{"$device $inode"}++;
    my $maildir = $self->_maildir($place);
    my @names = grep { !($maildir and /\A(?:new|cur|tmp)\z/) } $self->_names($place);
    my @places = map { length $place ? "$place/$_" : $_ } _sorted(@names);
    unshift @{ $self->{entries} }, (map { [ $_, 1 ] } @{ $maildir || [] }), map { [ $_, 0 ] } @places;
    return;
}

# A message of a Maildir gets another name when it is read, or its flags change.
sub _renamed {
    my ($self, $place) = @_;
    my ($folder, $unique) = $place =~ m{\A(.*/)?(?:new|cur)/([^:;!]+)[^/]*\z} or return;
    $folder = '' if not defined $folder;
    my ($name) = grep { /\A\Q$unique\E(?:[:;!]|\z)/ } $self->_names("${folder}cur");
    return defined $name ? "${folder}cur/$name" : undef;
}

sub next {
    my ($self) = @_;
    while (my $entry = shift @{ $self->{entries} }) {
        my ($place, $is_mail) = @$entry;
        my $path = $self->_path($place);
        if (not $is_mail and -d $path) {
            $self->_enter($place);
            next;
        }
        $is_mail ||= $self->{format} eq 'mh' && $place =~ m{(?:\A|/)[1-9][0-9]*\z};
        next if not $is_mail and $self->{format} =~ /\A(?:maildir|mh)\z/;
        if ($is_mail and not lstat $path and $! == ENOENT) {
            my $name = $self->_renamed($place);
            unshift @{ $self->{entries} }, [ $name, 1 ] if defined $name and not grep { $_->[0] eq $name } @{ $self->{entries} };
            next;
        }
        next if not -f $path and not($is_mail and -l $path and not -e $path);    # of a link to nothing of_path says so
        return [ Mail::Wire::Mailbox::Input->of_path($path), $place, $is_mail ];
    }
    return;
}

1;
